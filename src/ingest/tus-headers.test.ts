import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseNewLength, parseToldLength, parseUploadOffset } from './tus-headers.ts';

const refusal = (param: string) => expect.objectContaining({ code: 'invalid_request', param });

describe('parseUploadOffset', () => {
  it.each([
    ['0', 0],
    ['007', 7],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('reads %s', (header, offset) => {
    expect(parseUploadOffset(header)).toBe(offset);
  });

  it.each([undefined, '', '-1', '+1', '1.0', '1e3', '0x1', ' 1', '1, 1', '１', 'Infinity', ['1', '1']])(
    'refuses %j',
    (header) => {
      expect(() => parseUploadOffset(header)).toThrow(refusal('Upload-Offset'));
    },
  );

  it('never makes a number that is too large to be exact one that is taken', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 2n ** 53n, max: 10n ** 40n }), (large) => {
        expect(parseUploadOffset(String(large))).toBe(Number.MAX_SAFE_INTEGER);
      }),
    );
  });
});

describe('parseNewLength', () => {
  it('reads a length, or that it comes later', () => {
    expect(parseNewLength('12', undefined)).toBe(12);
    expect(parseNewLength(undefined, '1')).toBeNull();
  });

  it.each([
    [undefined, undefined, 'Upload-Length'],
    ['12', '1', 'Upload-Length'],
    [undefined, '0', 'Upload-Defer-Length'],
    [undefined, '2', 'Upload-Defer-Length'],
    [undefined, 'true', 'Upload-Defer-Length'],
    ['twelve', undefined, 'Upload-Length'],
  ])('refuses %j with %j', (length, deferLength, param) => {
    expect(() => parseNewLength(length, deferLength)).toThrow(refusal(param));
  });
});

describe('parseToldLength', () => {
  it('reads a length where there is one', () => {
    expect([parseToldLength(undefined), parseToldLength('0')]).toEqual([null, 0]);
    expect(() => parseToldLength('')).toThrow(refusal('Upload-Length'));
  });
});
