import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printJson } from './print-json.ts';

const printed = (value: unknown): string => {
  const stream = new PassThrough();
  printJson(stream, value);
  return String(stream.read());
};

describe('a line of JSON', () => {
  it('is the value again, on one line that no terminal obeys', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const line = printed({ text });
        expect(JSON.parse(line)).toEqual({ text });
        expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  it('escapes also what takes two units', () => {
    expect(printed('\u{e0001}')).toBe('"\\udb40\\udc01"\n');
  });
});
