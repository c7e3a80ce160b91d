/** How fast something moves of late. */
export interface Rate {
  /** Says how far it is. A step back, as after a resume, begins anew. */
  record(bytes: number, nowMs: number): void;
  /** Bytes a second over the last seconds; null while that cannot be said. */
  bytesPerSecond(nowMs: number): number | null;
}

const WINDOW_MS = 5_000;
/** Over less than that it would jump about. */
const LEAST_MS = 400;

export const createRate = (): Rate => {
  let samples: { readonly bytes: number; readonly atMs: number }[] = [];
  return {
    record: (bytes, atMs) => {
      const last = samples.at(-1);
      if (last !== undefined && bytes < last.bytes) samples = [];
      samples = [...samples.filter((sample) => atMs - sample.atMs <= WINDOW_MS), { bytes, atMs }];
    },
    bytesPerSecond: (nowMs) => {
      const [first] = samples;
      const last = samples.at(-1);
      if (first === undefined || last === undefined) return null;
      if (last.atMs - first.atMs < LEAST_MS || nowMs - last.atMs > WINDOW_MS) return null;
      return ((last.bytes - first.bytes) * 1_000) / (last.atMs - first.atMs);
    },
  };
};

/** Seconds until the rest has gone; null while nobody can say. */
export const secondsLeft = (leftBytes: number, bytesPerSecond: number | null): number | null =>
  bytesPerSecond === null || bytesPerSecond <= 0 ? null : leftBytes / bytesPerSecond;
