import { describe, expect, it } from 'vitest';
import { nearestTo } from './nearest-to.ts';

describe('the nearest word', () => {
  const words = ['upload', 'serve', 'files list', 'files rm', 'config check'];

  it.each([
    ['uplaod', 'upload'],
    ['Upload', 'upload'],
    ['serv', 'serve'],
    ['file list', 'files list'],
    ['files lst', 'files list'],
    ['xyz', null],
    ['toString', null],
    ['', null],
    ['u'.repeat(100_000), null],
  ])('to "%.12s" is %s', (word, nearest) => {
    expect(nearestTo(word, words)).toBe(nearest);
  });
});
