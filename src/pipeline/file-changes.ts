/** Tells, within this process, that something about a file has changed. A wake-up only: the record says what. */
export interface FileChanges {
  announce(fileId: string): void;
  /** Resolves at the file's next change, after `timeoutMs`, or when the signal aborts, whichever is first. */
  next(fileId: string, options: { timeoutMs: number; signal: AbortSignal }): Promise<void>;
}

export const createFileChanges = (): FileChanges => {
  const waiting = new Map<string, Set<() => void>>();
  return {
    announce: (fileId) => {
      for (const wake of waiting.get(fileId) ?? []) wake();
    },
    next: async (fileId, { timeoutMs, signal }) => {
      if (signal.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = (): void => resolve();
      const waiters = waiting.get(fileId) ?? new Set();
      waiting.set(fileId, waiters.add(wake));
      const timer = setTimeout(wake, timeoutMs);
      signal.addEventListener('abort', wake, { once: true });
      await promise;
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
      waiters.delete(wake);
      if (waiters.size === 0) waiting.delete(fileId);
    },
  };
};
