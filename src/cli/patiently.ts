import { setTimeout as pause } from 'node:timers/promises';
import { ClientError } from '../client/client-error.ts';

/** The gateway counts by the minute; what wants a longer wait than this is no rate limit to sit out. */
const MAX_WAIT_MS = 120_000;

export interface Patience {
  /** Called before each wait. */
  readonly onWait: (waitMs: number) => void;
  /** Ends a wait early; it then rejects with what was waited for. */
  readonly signal: AbortSignal;
}

/**
 * Does something that can be done again as often as the gateway refuses it with `rate_limited`, each time after the wait
 * that it asks for. Rejects with all else that `work` rejects with.
 */
export const patiently = async <Result>(
  work: () => Promise<Result>,
  { onWait, signal }: Patience,
): Promise<Result> => {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const waitMs = waitFor(error);
      if (waitMs === null || signal.aborted) throw error;
      onWait(waitMs);
      await pause(waitMs, undefined, { signal }).catch(() => {
        throw error;
      });
    }
  }
};

const waitFor = (error: unknown): number | null => {
  if (!(error instanceof ClientError) || error.code !== 'rate_limited') return null;
  const { retryAfterMs } = error;
  return retryAfterMs !== null && retryAfterMs <= MAX_WAIT_MS ? retryAfterMs : null;
};
