export interface RetryPolicy {
  /** Tries in quick succession, before waits become minutes. */
  readonly attempts: number;
  readonly baseMs: number;
  readonly maxMs: number;
}

/** How long a delivery is tried before it fails for good. */
export const DELIVERY_DEADLINE_MS = 24 * 3_600_000;

const LONG_BASE_MS = 60_000;
const LONG_MAX_MS = 15 * 60_000;

export interface FailedAttempt {
  /** Attempts so far, from 1. */
  readonly attempts: number;
  /** What the provider asked for. */
  readonly retryAfterMs: number | null;
  /** From 0 to 1. */
  readonly random: number;
}

/**
 * The wait before the next try, in milliseconds: exponential with full jitter while tries are quick, then from
 * a minute to a quarter of an hour, and not less than the provider asked for, up to `DELIVERY_DEADLINE_MS`.
 */
export const retryDelayMs = (
  { attempts, retryAfterMs, random }: FailedAttempt,
  policy: RetryPolicy,
): number => {
  const slow = attempts - policy.attempts;
  const jittered =
    slow < 0
      ? random * Math.min(policy.maxMs, policy.baseMs * 2 ** (attempts - 1))
      : (0.5 + random / 2) * Math.min(LONG_MAX_MS, LONG_BASE_MS * 2 ** Math.min(slow, 10));
  return Math.min(Math.ceil(Math.max(jittered, retryAfterMs ?? 0)), DELIVERY_DEADLINE_MS);
};
