import { describe, expect, it } from 'vitest';
import { forEachParallel } from './for-each-parallel.ts';

async function* count(to: number, asked: number[] = []): AsyncGenerator<number> {
  for (let item = 1; item <= to; item += 1) {
    asked.push(item);
    yield item;
  }
}

/** Works that end when they are told to. */
const createWorks = () => {
  const running = new Map<number, PromiseWithResolvers<void>>();
  let most = 0;
  return {
    work: async (item: number): Promise<void> => {
      const ended = Promise.withResolvers<void>();
      running.set(item, ended);
      most = Math.max(most, running.size);
      await ended.promise.finally(() => running.delete(item));
    },
    running,
    most: () => most,
  };
};
/** Everything that can go on by itself has. */
const quiet = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('work on several at a time', () => {
  it('takes each item once, no more at a time than allowed, and asks for none before there is room', async () => {
    const asked: number[] = [];
    const works = createWorks();
    const all = forEachParallel(count(9, asked), { parallel: 3, stop: new AbortController() }, works.work);
    for (let item = 1; item <= 9; item += 1) {
      await quiet();
      expect(asked.length).toBeLessThanOrEqual(item + 2);
      works.running.get(item)?.resolve();
    }
    await all;
    expect(asked).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(works.most()).toBe(3);
  });

  it('ends with the first that fails, once those begun have ended', async () => {
    const works = createWorks();
    const stop = new AbortController();
    const all = forEachParallel(count(9), { parallel: 2, stop }, works.work);
    const ended = Promise.allSettled([all]);
    await quiet();
    works.running.get(2)?.reject(new Error('first'));
    await quiet();
    expect(stop.signal.aborted).toBe(true);
    expect([...works.running.keys()]).toEqual([1]);
    works.running.get(1)?.reject(new Error('second'));
    expect(await ended).toMatchObject([{ status: 'rejected', reason: { message: 'first' } }]);
  });

  it('ends with what looking for items fails with', async () => {
    const items = async function* (): AsyncGenerator<number> {
      yield 1;
      throw new Error('no more');
    };
    const all = forEachParallel(items(), { parallel: 4, stop: new AbortController() }, async () => undefined);
    await expect(all).rejects.toThrow('no more');
  });
});
