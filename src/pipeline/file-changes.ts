/** Tells, within this process, that something about a file has changed. A wake-up only: the record says what. */
export interface FileChanges {
  /** With the owner, where that is at hand, those who follow all the owner's files are told at once, else when they look again. */
  announce(fileId: string, owner?: string): void;
  /** Resolves at the file's next change, after `timeoutMs`, or when the signal aborts, whichever is first. */
  next(fileId: string, options: { timeoutMs: number; signal: AbortSignal }): Promise<void>;
  /** Calls `listener` for every announcement that names an owner, until what it returns is called. */
  listen(listener: (fileId: string, owner: string) => void): () => void;
}

export const createFileChanges = (): FileChanges => {
  const waiting = new Map<string, Set<() => void>>();
  const listeners = new Set<(fileId: string, owner: string) => void>();
  return {
    announce: (fileId, owner) => {
      for (const wake of waiting.get(fileId) ?? []) wake();
      if (owner === undefined) return;
      for (const listener of listeners) listener(fileId, owner);
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
    listen: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
};
