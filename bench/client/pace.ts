import { setTimeout as delay } from 'node:timers/promises';

/** What a link may bring at once after it stood still; more would let a late starter catch up for nothing. */
const BURST_MS = 20;

export interface Pace {
  /** For how long to stand still after so many bytes, in milliseconds; 0 for not at all. */
  waitAfter(bytes: number): number;
}

/** A link of a fixed rate. What was not used of it is lost, as on a wire. Null: without a limit. */
export const createPace = (bytesPerSecond: number | null): Pace => {
  if (bytesPerSecond === null) return { waitAfter: () => 0 };
  let freeAt = performance.now();
  return {
    waitAfter: (bytes) => {
      const now = performance.now();
      freeAt = Math.max(freeAt, now - BURST_MS) + (bytes / bytesPerSecond) * 1_000;
      return Math.max(0, freeAt - now);
    },
  };
};

/** Sends in pieces small enough that a limited link flows evenly. */
export const pieceBytesAt = (bytesPerSecond: number | null): number =>
  bytesPerSecond === null ? 2 ** 20 : Math.min(2 ** 20, Math.max(2 ** 16, Math.floor(bytesPerSecond / 100)));

export const stand = async (waitMs: number): Promise<void> => {
  if (waitMs >= 1) await delay(waitMs);
};
