import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { systemCode } from '../core/errors.ts';
import type { Logger } from '../platform/log.ts';
import { type Caller, rateLimitKey } from './rate-limit-keys.ts';
import { openRateLimitStore, type RateLimitStore } from './rate-limit-store.ts';

/** What is counted apart, so that uploads never use up what reading needs. */
export type Bucket = 'uploads' | 'calls';

/** How a caller stands after a call. */
export interface Standing {
  readonly isOver: boolean;
  /** Calls that are left until then. */
  readonly remaining: number;
  /** Until the whole limit is there again, in milliseconds. */
  readonly resetMs: number;
}

/** Limits on calls. The owner closes it. */
export interface RateLimits {
  readonly perMinute: number;
  /** Counts a call. Never rejects: while the store is away, this process counts by itself. */
  count(bucket: Bucket, caller: Caller): Promise<Standing>;
  close(): Promise<void>;
}

export interface RateLimitsOptions {
  readonly perMinute: number;
  readonly store: RateLimitStore;
  readonly log: Logger;
  /** How many addresses are told apart in a minute; default `MAX_ADDRESSES`. */
  readonly maxAddresses?: number;
}

export const WINDOW_SECONDS = 60;
const WINDOW_MS = WINDOW_SECONDS * 1_000;
/**
 * Some 30 MB of counters. More addresses than these in one minute are an attack, which must not cost memory: the others
 * then share one counter, and whoever among them has a token is let in by that.
 */
const MAX_ADDRESSES = 50_000;
/** How long a store that has failed is left alone, so that not every call waits for it. */
const AWAY_MS = 2_000;
const TIDY_EVERY_MS = 10_000;

/** Opens limits of so many calls a minute, the same in each bucket. */
export const openRateLimits = (options: RateLimitsOptions): RateLimits => {
  const { perMinute, store, log, maxAddresses = MAX_ADDRESSES } = options;
  const counters = { points: perMinute, duration: WINDOW_SECONDS };
  const shared = openRateLimitStore(store, counters, log);
  const own = new RateLimiterMemory(counters);
  /** Until when callers are over, by `Date.now()`: a flood is refused without a look at the store. */
  const overUntil = new Map<string, number>();
  let addresses = new Set<string>();
  let awayUntil = 0;

  const tidying = setInterval(() => {
    const now = Date.now();
    for (const [key, until] of overUntil) if (until <= now) overUntil.delete(key);
  }, TIDY_EVERY_MS).unref();
  const forgetting = setInterval(() => {
    addresses = new Set();
  }, WINDOW_MS).unref();

  /** A key of its own for every user, and for addresses while there are not too many. */
  const keyOf = (bucket: Bucket, caller: Caller): string => {
    const key = rateLimitKey(bucket, caller);
    if (caller.kind === 'user' || addresses.has(key)) return key;
    if (addresses.size >= maxAddresses) return `${bucket}-of-others`;
    addresses.add(key);
    return key;
  };

  const countShared = async (key: string): Promise<RateLimiterRes> => {
    const isAway = awayUntil > 0;
    if (isAway && Date.now() < awayUntil) return await consume(own, key);
    try {
      await shared.tried;
      const result = await consume(shared.limiter, key);
      if (awayUntil > 0) log.info({ event: 'rate_limits_shared_again', store: store.kind });
      awayUntil = 0;
      return result;
    } catch (error) {
      if (awayUntil === 0) {
        log.warn({ event: 'rate_limits_store_away', store: store.kind, code: systemCode(error) });
      }
      awayUntil = Date.now() + AWAY_MS;
      return await consume(own, key);
    }
  };

  const standingOver = (key: string): Standing | null => {
    const resetMs = (overUntil.get(key) ?? 0) - Date.now();
    return resetMs > 0 ? { isOver: true, remaining: 0, resetMs } : null;
  };

  return {
    perMinute,
    count: async (bucket, caller) => {
      const key = keyOf(bucket, caller);
      const known = standingOver(key);
      if (known !== null) return known;
      const { consumedPoints, msBeforeNext } = await countShared(key);
      const remaining = Math.max(0, perMinute - consumedPoints);
      if (remaining === 0) overUntil.set(key, Date.now() + msBeforeNext);
      return { isOver: consumedPoints > perMinute, remaining, resetMs: msBeforeNext };
    },
    close: async () => {
      clearInterval(tidying);
      clearInterval(forgetting);
      await shared.close();
    },
  };
};

/** The library rejects with its result where a caller is over. */
const consume = async (
  limiter: { consume(key: string): Promise<RateLimiterRes> },
  key: string,
): Promise<RateLimiterRes> => {
  try {
    return await limiter.consume(key);
  } catch (error) {
    if (error instanceof RateLimiterRes) return error;
    throw error;
  }
};
