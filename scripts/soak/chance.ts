/** Choices that a seed repeats. What runs at the same time is still in another order each time. */
export interface Chance {
  /** From `min` to `max`, both included. */
  whole(min: number, max: number): number;
  pick<const From extends readonly [unknown, ...unknown[]]>(from: From): From[number];
  /** True in so many of 100 cases. */
  percent(share: number): boolean;
  /** Choices of its own, so that who chooses more does not change what the others choose. */
  branch(): Chance;
}

const WORD = 2 ** 32;

/** Mulberry32 (Tommy Ettinger, public domain): short, and random enough to choose by. */
export const createChance = (seed: number): Chance => {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / WORD;
  };
  const whole = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    whole,
    pick: (from) => from[whole(0, from.length - 1)],
    percent: (share) => next() * 100 < share,
    branch: () => createChance(whole(0, WORD - 1)),
  };
};
