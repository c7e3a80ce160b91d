import { describe, expect, it } from 'vitest';
import { parseQuantity } from './parse-quantity.ts';

describe('a quantity', () => {
  it.each([
    ['0', 0],
    ['1000', 1_000],
    ['500 MB', 500 * 2 ** 20],
    ['2gb', 2 * 2 ** 30],
  ])('is read: %j', (text, value) => expect(parseQuantity(text)).toBe(value));

  it.each(['', '-1', '1.5', '1e3', '0x10', '5 XB', 'ten', '9999999 TB'])('is none: %j', (text) =>
    expect(parseQuantity(text)).toBeNull(),
  );
});
