import { describe, expect, it } from 'vitest';
import { parseTtl } from './parse-ttl.ts';

describe('a lifetime', () => {
  it.each([
    ['45s', 45_000],
    ['15m', 900_000],
    ['2h', 7_200_000],
    ['30d', 2_592_000_000],
    ['3650d', 315_360_000_000],
  ])('%s is %d ms', (text, ttlMs) => {
    expect(parseTtl(text)).toBe(ttlMs);
  });

  it.each(['', '0d', '30', 'd', '1y', '-1d', '1.5h', '3651d', '999999999d', '1 d', '1d2h'])(
    'is not "%s"',
    (text) => {
      expect(() => parseTtl(text)).toThrowError(expect.objectContaining({ code: 'usage' }));
    },
  );
});
