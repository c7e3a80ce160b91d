import { describe, expect, it } from 'vitest';
import { createCachedReading } from './cached-reading.ts';

describe('a cached reading', () => {
  it('is one for all who ask, and good for a while', async () => {
    let reads = 0;
    const reading = createCachedReading({ read: async () => ++reads, maxAgeMs: 60_000, patienceMs: 5_000 });
    expect(await Promise.all([reading(), reading(), reading()])).toEqual([1, 1, 1]);
    expect(await reading()).toBe(1);
  });

  it('is made anew when it is too old', async () => {
    let reads = 0;
    const reading = createCachedReading({ read: async () => ++reads, maxAgeMs: 0, patienceMs: 5_000 });
    const first = await reading();
    await expect.poll(reading).toBeGreaterThan(Number(first));
  });

  it('is not waited for longer than one has patience, and is there for the next who asks', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const reading = createCachedReading({ read: () => promise, maxAgeMs: 60_000, patienceMs: 10 });
    expect(await reading()).toBeNull();
    resolve('late');
    await expect.poll(reading).toBe('late');
  });

  it('is none when it fails, and then is tried again', async () => {
    const answers = [Promise.reject(new Error('away')), Promise.resolve('back')];
    for (const answer of answers) answer.catch(() => undefined);
    const read = () => answers.shift() ?? Promise.resolve('more');
    const reading = createCachedReading({ read, maxAgeMs: 60_000, patienceMs: 5_000 });
    expect([await reading(), await reading()]).toEqual([null, 'back']);
  });

  it('may be the last one while the next takes long', async () => {
    const answers = [Promise.resolve('old'), new Promise<string>(() => undefined)];
    const read = () => answers.shift() ?? Promise.reject(new Error('more'));
    const options = { read, maxAgeMs: 0, patienceMs: 10 };
    const reading = createCachedReading({ ...options, isCostly: true });
    expect(await reading()).toBe('old');
    await expect.poll(() => answers.length === 0 || reading().then(() => false)).toBe(true);
    expect(await reading()).toBe('old');
  });
});
