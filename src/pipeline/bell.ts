/** Wakes one who waits. A ring that nobody waits for is kept for the next wait. */
export interface Bell {
  ring(): void;
  /** Resolves at a ring, after `timeoutMs` (null: never), or when the signal aborts. */
  rung(options: { timeoutMs: number | null; signal: AbortSignal }): Promise<void>;
}

export const createBell = (): Bell => {
  let isRung = false;
  let wake = (): void => undefined;
  return {
    ring: () => {
      isRung = true;
      wake();
    },
    rung: async ({ timeoutMs, signal }) => {
      if (!isRung && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = () => resolve();
        const timer = timeoutMs === null ? undefined : setTimeout(wake, Math.ceil(timeoutMs));
        signal.addEventListener('abort', wake, { once: true });
        await promise;
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
      }
      isRung = false;
    },
  };
};
