export interface CachedReadingOptions<T> {
  readonly read: () => Promise<T>;
  /** How long a reading is good for at least, in milliseconds. */
  readonly maxAgeMs: number;
  /** How long somebody waits for one, in milliseconds. */
  readonly patienceMs: number;
  /**
   * One that may take long is good for `COSTLY` times as long as it took, and the last one, however old, will do for
   * somebody whose patience is over.
   */
  readonly isCostly?: boolean;
}

/** No more than a fiftieth of the time goes into it. */
const COSTLY = 50;

/**
 * Reads what is costly to read for all who ask, one reading at a time. Resolves with null when there is none in time; a
 * failure is not kept.
 */
export const createCachedReading = <T>({
  read,
  maxAgeMs,
  patienceMs,
  isCostly = false,
}: CachedReadingOptions<T>): (() => Promise<T | null>) => {
  let last: { readonly value: T; readonly goodUntil: number } | null = null;
  let running: Promise<T | null> | null = null;
  const start = async (): Promise<T | null> => {
    const beganAt = performance.now();
    try {
      const value = await read();
      const now = performance.now();
      last = { value, goodUntil: now + Math.max(maxAgeMs, isCostly ? COSTLY * (now - beganAt) : 0) };
      return value;
    } catch {
      return null;
    } finally {
      running = null;
    }
  };
  return async () => {
    if (last !== null && performance.now() < last.goodUntil) return last.value;
    running ??= start();
    const { promise: tooLate, resolve } = Promise.withResolvers<T | null>();
    const timer = setTimeout(() => resolve(isCostly ? (last?.value ?? null) : null), patienceMs);
    try {
      return await Promise.race([running, tooLate]);
    } finally {
      clearTimeout(timer);
    }
  };
};
