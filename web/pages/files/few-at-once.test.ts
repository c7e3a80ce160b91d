import { expect, it } from 'vitest';
import { fewAtOnce } from './few-at-once.ts';

it('does all, a few at once, whatever fails', async () => {
  const done: number[] = [];
  let running = 0;
  let most = 0;
  await fewAtOnce([1, 2, 3, 4, 5], 2, async (item) => {
    running += 1;
    most = Math.max(most, running);
    await Promise.resolve();
    running -= 1;
    if (item === 2) throw new Error('no');
    done.push(item);
  });
  expect(done).toEqual([1, 3, 4, 5]);
  expect(most).toBe(2);
});
