import { describe, expect, it } from 'vitest';
import { shareSync } from './share-sync.ts';

/** A sync whose runs end when the test says so. */
const controlled = () => {
  const runs: PromiseWithResolvers<void>[] = [];
  const sync = (): Promise<void> => {
    const run = Promise.withResolvers<void>();
    runs.push(run);
    return run.promise;
  };
  return { runs, share: shareSync(sync) };
};

const settled = async (promise: Promise<void>): Promise<boolean> => {
  let isSettled = false;
  const note = (): void => {
    isSettled = true;
  };
  promise.then(note, note);
  await new Promise((resolve) => setImmediate(resolve));
  return isSettled;
};

describe('a shared sync', () => {
  it('serves whoever came before it began by one run, and nobody who came later', async () => {
    const { runs, share } = controlled();
    const early = [share(), share()];
    await expect.poll(() => runs.length).toBe(1);
    const late = [share(), share(), share()];
    runs[0]?.resolve();
    await Promise.all(early);
    expect(await settled(Promise.race(late))).toBe(false);
    expect(runs).toHaveLength(2);
    runs[1]?.resolve();
    await Promise.all(late);
    expect(runs).toHaveLength(2);
  });

  it('fails those whom a run failed, and runs again for the next', async () => {
    const { runs, share } = controlled();
    const failing = share();
    await expect.poll(() => runs.length).toBe(1);
    const next = share();
    runs[0]?.reject(new Error('disk'));
    await expect(failing).rejects.toThrow('disk');
    await expect.poll(() => runs.length).toBe(2);
    runs[1]?.resolve();
    await next;
  });
});
