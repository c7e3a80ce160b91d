import {
  BrokenCircuitError,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
} from 'cockatiel';
import { GatewayError } from '../core/errors.ts';

export type BreakerState = 'closed' | 'open' | 'half_open';

/** Stands before one account at one provider, for all deliveries to it from this process. */
export interface Guard {
  readonly state: BreakerState;
  /** How long nothing should be sent there, in milliseconds; 0 when it may. */
  waitMs(): number;
  /**
   * Runs one attempt. Rejects with `provider_unavailable` at once while the breaker is open or the provider has asked
   * for a pause; one attempt is let through when the break is over, and decides.
   */
  run<T>(attempt: () => Promise<T>): Promise<T>;
}

const FAILURES_TO_OPEN = 5;
const FIRST_BREAK_MS = 2_000;
const LONGEST_BREAK_MS = 60_000;

/** Only what says that the provider itself is in trouble opens the breaker; a refused file or key does not. */
const isTrouble = (error: unknown): boolean =>
  error instanceof GatewayError && error.code === 'provider_unavailable' && error.retry === 'later';

export interface GuardOptions {
  /** How long the breaker stays open at first; it doubles with each probe that fails. Default `FIRST_BREAK_MS`. */
  readonly firstBreakMs?: number;
}

export const createGuard = (
  providerName: string,
  now: () => number = () => performance.now(),
  { firstBreakMs = FIRST_BREAK_MS }: GuardOptions = {},
): Guard => {
  let resumeAt = 0;
  const breaker = circuitBreaker(handleWhen(isTrouble), {
    breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
    halfOpenAfter: new ExponentialBackoff({ initialDelay: firstBreakMs, maxDelay: LONGEST_BREAK_MS }),
  });
  const closedAgain = (): GatewayError => {
    const retryAfterMs = Math.max(firstBreakMs, Math.ceil(resumeAt - now()));
    return new GatewayError(
      'provider_unavailable',
      `${providerName} is in trouble; trying again when it has recovered.`,
      { retryAfterMs },
    );
  };
  return {
    get state() {
      if (breaker.state === CircuitState.HalfOpen) return 'half_open';
      return breaker.state === CircuitState.Closed ? 'closed' : 'open';
    },
    waitMs: () => Math.max(0, Math.ceil(resumeAt - now())),
    run: async (attempt) => {
      if (resumeAt > now()) throw closedAgain();
      try {
        return await breaker.execute(attempt);
      } catch (error) {
        if (error instanceof BrokenCircuitError) throw closedAgain();
        // What a provider asks of one request it means for the account: the others wait as well.
        if (isTrouble(error))
          resumeAt = Math.max(resumeAt, now() + ((error as GatewayError).retryAfterMs ?? 0));
        throw error;
      }
    },
  };
};
