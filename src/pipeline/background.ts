import type { Logger } from '../platform/log.ts';

/** Work that goes on behind an answered request, and is not lost sight of. */
export interface Background {
  /** Starts `work`, which is told by the signal to come to an end. Resolves with what it does; a rejection is logged, and is null here. */
  run<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T | null>;
  /** Waits `graceMs` for what runs, then aborts it and waits for what it does about it. */
  stop(graceMs: number): Promise<void>;
}

export const createBackground = (log: Logger): Background => {
  const running = new Set<Promise<unknown>>();
  const stopping = new AbortController();
  return {
    run: (work) => {
      const done = work(stopping.signal)
        .catch((error: unknown) => {
          log.error({ event: 'background_failed', err: error });
          return null;
        })
        .finally(() => running.delete(done));
      running.add(done);
      return done;
    },
    stop: async (graceMs) => {
      const grace = setTimeout(() => stopping.abort(new Error('The gateway is stopping.')), graceMs);
      while (running.size > 0) await Promise.all(running);
      clearTimeout(grace);
    },
  };
};
