import { describe, expect, it } from 'vitest';
import { beliefIn } from './reconcile-belief.ts';

describe('beliefIn', () => {
  it.each([
    { missing: 0, tracked: 0, belief: 'believe' },
    { missing: 10, tracked: 10, belief: 'believe' },
    { missing: 11, tracked: 11, belief: 'ask' },
    { missing: 100, tracked: 500, belief: 'believe' },
    { missing: 100, tracked: 499, belief: 'ask' },
    { missing: 101, tracked: 499, belief: 'refuse' },
    { missing: 1_000, tracked: 5_000, belief: 'believe' },
    { missing: 1_001, tracked: 5_000, belief: 'refuse' },
  ])('$missing of $tracked missing: $belief', ({ missing, tracked, belief }) => {
    expect(beliefIn(missing, tracked)).toBe(belief);
  });
});
