import { setTimeout as pause } from 'node:timers/promises';
import { GatewayError } from '../core/errors.ts';
import type { Provider, RemoteFile } from '../core/provider.ts';
import { retryDelayMs } from '../delivery/retry-delay.ts';
import type { Dependencies } from './dependencies.ts';

/** One account while what differs there is being settled. */
export interface Reconciling {
  readonly dependencies: Dependencies;
  readonly provider: Provider;
  /** In `report` nothing is changed, and what would be done counts as done. */
  readonly mode: 'report' | 'repair';
  /** Somebody has looked at a list that misses much, and found it right. */
  readonly isForced: boolean;
  /** The record was restored from a backup and not compared since. */
  readonly isRestored: boolean;
  readonly signal: AbortSignal;
}

const TRIES = 3;
/** A provider that wants to be left alone for longer is asked again by the next pass. */
const LONGEST_WAIT_MS = 30_000;

/**
 * Asks the provider for something, behind the guard that deliveries to the account share: what it asks for, a pause or less
 * trouble, holds for all. Tries again a few times where that can help.
 */
export const callProvider = async <T>(
  { dependencies: { guards, retry }, provider, signal }: Reconciling,
  ask: () => Promise<T>,
): Promise<T> => {
  const guard = guards.of(provider);
  for (let attempts = 1; ; attempts += 1) {
    try {
      await rest(guard.waitMs(), signal);
      return await guard.run(ask);
    } catch (error) {
      signal.throwIfAborted();
      const isWorthwhile = error instanceof GatewayError && error.retry === 'later';
      if (!isWorthwhile || attempts === TRIES) throw error;
      await rest(
        retryDelayMs({ attempts, retryAfterMs: error.retryAfterMs, random: Math.random() }, retry),
        signal,
      );
    }
  }
};

const rest = async (ms: number, signal: AbortSignal): Promise<void> => {
  if (ms > 0) await pause(Math.min(ms, LONGEST_WAIT_MS), undefined, { signal });
};

/** The file as its provider has it when asked for it by its id; null when it says that there is none. */
export const lookUpRemote = (reconciling: Reconciling, remoteId: string): Promise<RemoteFile | null> =>
  callProvider(reconciling, () =>
    reconciling.provider.retrieve(remoteId, reconciling).catch((error: unknown) => {
      if (error instanceof GatewayError && error.code === 'not_found') return null;
      throw error;
    }),
  );
