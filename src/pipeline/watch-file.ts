import type { Dependencies } from './dependencies.ts';

export interface Wait {
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** How often the record is looked at besides the wake-ups: another instance may do the work. */
const LOOK_AGAIN_MS = 1_000;

/** Looks at a file's record until it is as wanted, the wait is over, the signal aborts or the gateway stops; answers with the last look. */
export const watchFile = async <T>(
  { changes, stopping }: Pick<Dependencies, 'changes' | 'stopping'>,
  fileId: string,
  { waitMs, signal: given }: Wait,
  look: () => Promise<{ value: T; isDone: boolean }>,
): Promise<T> => {
  const signal = given === undefined ? stopping : AbortSignal.any([given, stopping]);
  const deadline = performance.now() + waitMs;
  while (true) {
    const remainingMs = deadline - performance.now();
    const looked = new AbortController();
    // Begun before the look, so that a change during it is not missed.
    const change = changes.next(fileId, {
      timeoutMs: Math.max(0, Math.min(LOOK_AGAIN_MS, remainingMs)),
      signal: AbortSignal.any([signal, looked.signal]),
    });
    try {
      const { value, isDone } = await look();
      if (isDone || remainingMs <= 0 || signal.aborted) return value;
      await change;
    } finally {
      looked.abort();
    }
  }
};
