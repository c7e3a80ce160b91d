import { errorCatalogue } from '../core/errors.ts';
import type { Caller } from './caller.ts';
import { ClientError } from './client-error.ts';
import { pause } from './pause.ts';
import type { UploadOptions } from './upload-options.ts';

/** Decides what is tried again, and waits before it is. */
export interface Patience {
  /** To be called when more has gone than ever before. */
  progressed(): void;
  /** Resolves when it is time to try again. Rejects with the error when that is no use, and with the signal's reason. */
  bear(error: unknown): Promise<void>;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8_000;
/** Two that are in each other's way do not come back in the same moment. */
const JITTER = 0.5;
/** A connection that breaks before the gateway has ever answered may lead to something else than a gateway. */
const TRIES_WITHOUT_ANSWER = 3;

export const createPatience = (
  caller: Pick<Caller, 'hasAnswered' | 'isClosed' | 'patienceMs'>,
  { patienceMs = caller.patienceMs, onWait, signal }: Pick<UploadOptions, 'patienceMs' | 'onWait' | 'signal'>,
): Patience => {
  let failures = 0;
  let progressAt = performance.now();
  return {
    progressed: () => {
      failures = 0;
      progressAt = performance.now();
    },
    bear: async (error) => {
      failures += 1;
      if (caller.isClosed() || !(error instanceof ClientError)) throw error;
      if (!isPassing(error, caller.hasAnswered(), failures)) throw error;
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
      const waitMs = Math.max(error.retryAfterMs ?? 0, Math.round(pauseMs * (1 - JITTER * Math.random())));
      if (performance.now() - progressAt + waitMs > patienceMs) throw error;
      onWait?.(waitMs, error);
      await pause(waitMs, signal);
    },
  };
};

const isPassing = ({ code, httpStatus }: ClientError, hasAnswered: boolean, failures: number): boolean => {
  if (code === 'gateway_unreachable') return hasAnswered;
  if (code === 'connection_lost') return hasAnswered || failures < TRIES_WITHOUT_ANSWER;
  // A proxy, while the gateway behind it is away.
  if (code === 'unexpected_answer') return hasAnswered && (httpStatus ?? 0) >= 500;
  // The gateway has more or less than was thought, and will tell.
  if (code === 'offset_conflict') return true;
  return code in errorCatalogue && errorCatalogue[code as keyof typeof errorCatalogue].retry !== 'never';
};
