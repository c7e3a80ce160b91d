/** Long enough that the number is readable, short enough that it follows the line. */
const WINDOW_MS = 3_000;

/** The rate over the last seconds, from totals as they are reported. */
export interface RateMeter {
  /** Takes the total so far and answers with bytes a second; null until that can be said, as for the first. */
  measure(totalBytes: number): number | null;
}

export const createRateMeter = (clock: () => number = () => performance.now()): RateMeter => {
  const samples: { readonly atMs: number; readonly totalBytes: number }[] = [];
  return {
    measure: (totalBytes) => {
      const atMs = clock();
      samples.push({ atMs, totalBytes });
      // One sample from before the window stays, so that there is always something to compare with.
      while (samples.length > 2 && (samples[1]?.atMs ?? atMs) < atMs - WINDOW_MS) samples.shift();
      const oldest = samples[0] ?? { atMs, totalBytes };
      const elapsedMs = atMs - oldest.atMs;
      // The total falls when a gateway has lost what it had.
      return elapsedMs > 0 ? Math.max(0, ((totalBytes - oldest.totalBytes) * 1_000) / elapsedMs) : null;
    },
  };
};
