/**
 * Lets one sync at a time run that nobody waits for, and refuses the others: each takes one of the few threads on which
 * everybody's writes run, for as long as the disk likes.
 */
export const createSyncAhead = (): ((sync: () => Promise<void>) => boolean) => {
  let isRunning = false;
  const done = (): void => {
    isRunning = false;
  };
  return (sync) => {
    if (isRunning) return false;
    isRunning = true;
    // Whoever syncs at the end hears of a failure.
    void sync().then(done, done);
    return true;
  };
};
