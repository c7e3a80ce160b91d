import { describe, expect, it } from 'vitest';
import { createGroupCommit } from './group-commit.ts';

/** A writer that notes its groups and takes as long as the test says. */
const gatedWriter = () => {
  const groups: number[][] = [];
  const gates: (() => void)[] = [];
  const write = createGroupCommit<number, string>(async (items) => {
    groups.push([...items]);
    await new Promise<void>((resolve) => gates.push(resolve));
    if (items.includes(13)) throw new Error('unlucky');
    return items.map((item) => `wrote ${item}`);
  });
  const open = async (): Promise<void> => {
    while (gates.length === 0) await new Promise(setImmediate);
    gates.shift()?.();
  };
  return { groups, write, open };
};

describe('a group commit', () => {
  it('writes the first at once, and together what comes meanwhile', async () => {
    const { groups, write, open } = gatedWriter();
    const first = write(1);
    const others = [write(2), write(3)];
    await open();
    await open();
    expect(await Promise.all([first, ...others])).toEqual(['wrote 1', 'wrote 2', 'wrote 3']);
    expect(groups).toEqual([[1], [2, 3]]);
    const next = write(4);
    await open();
    expect(await next).toBe('wrote 4');
  });

  it('lets nobody fail for another', async () => {
    const { groups, write, open } = gatedWriter();
    const outcomes = Promise.allSettled([write(1), write(2), write(13), write(3)]);
    for (let group = 0; group < 5; group += 1) await open();
    expect((await outcomes).map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(groups).toEqual([[1], [2, 13, 3], [2], [13], [3]]);
  });

  it('keeps groups to a size', async () => {
    const { groups, write, open } = gatedWriter();
    const written = Array.from({ length: 201 }, (_, n) => write(100 + n));
    for (let group = 0; group < 5; group += 1) await open();
    await Promise.all(written);
    expect(groups.map(({ length }) => length)).toEqual([1, 64, 64, 64, 8]);
  });
});
