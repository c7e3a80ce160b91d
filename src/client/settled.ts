import { setTimeout as wait } from 'node:timers/promises';
import { hasEnded } from '../core/file.ts';
import type { FileObject } from './answers.ts';
import { ClientError } from './client-error.ts';

export interface Settling {
  /** Called with the file as first seen, and whenever it or one of its deliveries has changed. */
  readonly onChange?: (file: FileObject) => void;
  readonly signal?: AbortSignal | undefined;
}

const FIRST_POLL_MS = 100;
/** Slow enough for a wait of hours, quick enough for somebody who watches. */
const LONGEST_POLL_MS = 1_000;
const SLOWING = 1.5;
/** A gateway that is started again meanwhile is back by then. */
const TOLERATED_ABSENCE_MS = 30_000;

/**
 * Follows a file until each of its deliveries has ended, which may take as long as they are retried: 24 hours. Asks
 * again and again, as nothing announces changes, and bears with a gateway that is away for a moment. Rejects with
 * `ClientError` or the signal's reason.
 */
export const settled = async (
  retrieve: (signal: AbortSignal | undefined) => Promise<FileObject>,
  { onChange, signal }: Settling,
): Promise<FileObject> => {
  let shown = '';
  let pollMs = FIRST_POLL_MS;
  let lastAnswerAt = performance.now();
  for (;;) {
    try {
      const file = await retrieve(signal);
      lastAnswerAt = performance.now();
      const seen = JSON.stringify(file);
      if (seen !== shown) onChange?.(file);
      if (file.deliveries.every(({ status }) => hasEnded(status))) return file;
      pollMs = seen === shown ? Math.min(pollMs * SLOWING, LONGEST_POLL_MS) : FIRST_POLL_MS;
      shown = seen;
    } catch (error) {
      if (!isAbsence(error) || performance.now() - lastAnswerAt > TOLERATED_ABSENCE_MS) throw error;
      pollMs = LONGEST_POLL_MS;
    }
    await pause(pollMs, signal);
  }
};

const ABSENCES: ReadonlySet<string> = new Set(['gateway_unreachable', 'connection_lost', 'unavailable']);
const isAbsence = (error: unknown): boolean => error instanceof ClientError && ABSENCES.has(error.code);

const pause = async (ms: number, signal: AbortSignal | undefined): Promise<void> => {
  try {
    await wait(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw signal?.reason ?? error;
  }
};
