/**
 * Makes one run of `sync` serve everybody who waits. The promise of a call settles as a run does that began after the
 * call: the one under way may have begun too early, so at most one more is in line behind it.
 */
export const shareSync = (sync: () => Promise<void>): (() => Promise<void>) => {
  let running: Promise<void> = Promise.resolve();
  let inLine: Promise<void> | null = null;
  return () => {
    inLine ??= running
      .catch(() => undefined)
      .then(() => {
        inLine = null;
        running = sync();
        return running;
      });
    return inLine;
  };
};
