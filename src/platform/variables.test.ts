import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dateAhead, secret, signingSecret } from './variables.ts';

const DAY_MS = 86_400_000;

describe('the signing secret', () => {
  it.each([
    '',
    'undefined',
    'secret',
    'changeme',
    'secret\n',
    'short, but otherwise good: 7f3k',
    'x'.repeat(64),
    'secret'.repeat(8),
    'undefined'.repeat(8),
    'changeme-changeme-changeme-changeme',
    'your-256-bit-secret-your-256-bit-secret',
    'a-string-secret-at-least-256-bits-long',
    'super-secret-jwt-token-with-at-least-32-characters-long',
    'your-super-secret-jwt-token-with-at-least-32-characters-long',
    'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
    '0123456789abcdef0123456789abcdef',
    `${randomBytes(48).toString('base64')}\n`,
  ])('J22 is refused when it is %j', (value) => {
    expect(signingSecret.safeParse(value).success).toBe(false);
  });

  it('J22 counts bytes, not characters', () => {
    const value = 'äöüßéèêàçñåøæœðþ';
    expect([value.length, signingSecret.safeParse(value).success]).toEqual([16, true]);
    expect(secret(8).safeParse('äöü').success).toBe(false);
  });

  it('J22 may be any that `openssl rand` makes', () => {
    fc.assert(
      fc.property(fc.constantFrom('base64', 'hex', 'base64url'), (encoding) => {
        expect(signingSecret.safeParse(randomBytes(48).toString(encoding)).success).toBe(true);
      }),
    );
  });
});

describe('the end of a grace', () => {
  const inDays = (days: number): string =>
    `${new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 19)}Z`;

  it('J44 is an instant that is over or at most 30 days ahead', () => {
    for (const days of [-400, -1, 0, 29.9]) expect(dateAhead(30).safeParse(inDays(days)).success).toBe(true);
    for (const days of [30.1, 365, 4_000]) expect(dateAhead(30).safeParse(inDays(days)).success).toBe(false);
  });

  it.each(['14', '14d', 'P14D', 'tomorrow', 'true', '2026-13-01', '2026-02-30T25:00:00Z', '1790000000'])(
    'J44 is no duration and nothing vague: %j',
    (value) => expect(dateAhead(30).safeParse(value).success).toBe(false),
  );
});
