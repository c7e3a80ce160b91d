import { toGatewayError } from '../core/errors.ts';
import type { Principal } from '../core/principal.ts';

/** How long what goes on may outlive the key that its token was signed with. */
const RECHECK_MS = 60_000;
/** The longest that a timer can wait; a token that is good for longer makes its client connect again. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface TokenWatch {
  readonly principal: Principal;
  /** Asked now and then whether the token is still good: rejects with a 401 when its key or secret is not any more. */
  recheck(): Promise<void>;
  /** Must abort when there is nothing to watch any more. */
  readonly done: AbortSignal;
  readonly recheckMs?: number;
}

/** Aborts when the token ends on which something goes on for longer than a request. */
export const endOfToken = ({ principal, recheck, done, recheckMs = RECHECK_MS }: TokenWatch): AbortSignal => {
  const ended = new AbortController();
  if (done.aborted) return ended.signal;
  const expiry = setTimeout(() => ended.abort(), timerTo(principal.expiresAt));
  const rechecking = setInterval(() => {
    recheck().catch((error) => toGatewayError(error).httpStatus === 401 && ended.abort());
  }, recheckMs);
  const stop = (): void => {
    clearTimeout(expiry);
    clearInterval(rechecking);
  };
  done.addEventListener('abort', stop, { once: true });
  ended.signal.addEventListener('abort', stop, { once: true });
  return ended.signal;
};

const timerTo = (expiresAt: Date): number =>
  Math.max(0, Math.min(expiresAt.getTime() - Date.now(), MAX_TIMER_MS));
