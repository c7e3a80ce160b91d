/** The uploads that may run at once to one account. */
export interface Slots {
  /**
   * Waits for a slot, first come first served. Resolves with what gives it back, to be called once, or with null when
   * none came free in time, too many wait already, or the signal aborts.
   */
  take(options: TakeSlot): Promise<(() => void) | null>;
}

interface TakeSlot {
  readonly waitMs: number;
  /** How many must be free besides, for those in more of a hurry; default none. */
  readonly keepFree?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Waiting costs memory and a claim that has to be renewed; more than this many are better off in the queue. */
const MOST_WAITING = 256;

export const createSlots = (count: number): Slots => {
  let free = count;
  const waiting: ((giveBack: () => void) => void)[] = [];

  const giveBack = (): void => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next(once(giveBack));
  };

  return {
    take: async ({ waitMs, keepFree = 0, signal }) => {
      if (signal?.aborted === true) return null;
      if (free > keepFree) {
        free -= 1;
        return once(giveBack);
      }
      if (waitMs === 0 || waiting.length >= MOST_WAITING) return null;
      const { promise, resolve } = Promise.withResolvers<(() => void) | null>();
      const leave = (): void => {
        const index = waiting.indexOf(resolve);
        if (index < 0) return;
        waiting.splice(index, 1);
        resolve(null);
      };
      waiting.push(resolve);
      const timer = Number.isFinite(waitMs) ? setTimeout(leave, waitMs) : undefined;
      signal?.addEventListener('abort', leave, { once: true });
      const taken = await promise;
      clearTimeout(timer);
      signal?.removeEventListener('abort', leave);
      return taken;
    },
  };
};

const once = (act: () => void): (() => void) => {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    act();
  };
};
