import { describe, expect, it } from 'vitest';
import { parseIdempotencyKey } from './idempotency-key.ts';

describe('an Idempotency-Key', () => {
  it.each(['a', '8e03978e-40d5-43dd-bc93-6894a57f9324', '"quoted"', '~'.repeat(255)])(
    'is taken: %j',
    (key) => {
      expect(parseIdempotencyKey(key)).toBe(key);
    },
  );

  it('is not needed', () => {
    expect(parseIdempotencyKey(undefined)).toBeNull();
  });

  it.each(['', ' ', 'a b', 'ä', 'a\0', 'a\n', 'x'.repeat(256), ['a', 'b']])('is refused: %j', (key) => {
    expect(() => parseIdempotencyKey(key as string)).toThrow(
      expect.objectContaining({ code: 'invalid_request', param: 'Idempotency-Key' }),
    );
  });
});
