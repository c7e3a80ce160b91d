import type { Logger } from '../platform/log.ts';

/** Collects what has been opened, so that it is closed in the reverse order, all of it, whatever fails. */
export interface Closing {
  add(name: string, close: () => Promise<void> | void): void;
  /** Closes everything once. A step that fails is logged and does not keep the rest open. */
  close(): Promise<void>;
}

export const createClosing = (log: Logger): Closing => {
  const steps: { name: string; close: () => Promise<void> | void }[] = [];
  let closed: Promise<void> | null = null;
  const run = async (): Promise<void> => {
    for (const { name, close } of steps.splice(0).toReversed()) {
      try {
        await close();
      } catch (error) {
        log.error({ event: 'close_failed', step: name, err: error });
      }
    }
  };
  return {
    add: (name, close) => {
      steps.push({ name, close });
      // Opened side by side with something that failed: nobody will close it later.
      if (closed !== null) closed = closed.then(run);
    },
    close: () => {
      closed ??= run();
      return closed;
    },
  };
};
