import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DELIVERY_DEADLINE_MS, type FailedAttempt, type RetryPolicy, retryDelayMs } from './retry-delay.ts';

const POLICY: RetryPolicy = { attempts: 5, baseMs: 500, maxMs: 30_000 };
const delay = (attempt: Partial<FailedAttempt>, policy = POLICY): number =>
  retryDelayMs({ attempts: 1, retryAfterMs: null, random: 1, ...attempt }, policy);

const random = fc.double({ min: 0, max: 1, noNaN: true });
const policies = fc.record({
  attempts: fc.integer({ min: 1, max: 100 }),
  baseMs: fc.integer({ min: 1, max: 86_400_000 }),
  maxMs: fc.integer({ min: 1, max: 86_400_000 }),
});

describe('the wait before the next try', () => {
  it.each([
    [1, 500],
    [2, 1_000],
    [3, 2_000],
    [4, 4_000],
    [5, 60_000],
    [6, 120_000],
    [7, 240_000],
    [8, 480_000],
    [9, 900_000],
    [10, 900_000],
    [5_000, 900_000],
  ])('after attempt %i is %i ms at the most', (attempts, ms) => {
    expect(delay({ attempts })).toBe(ms);
  });

  it('is capped while tries are quick', () => {
    expect(delay({ attempts: 60 }, { ...POLICY, attempts: 100 })).toBe(30_000);
  });

  it('L16 is spread over all of it while tries are quick, and over the upper half later', () => {
    expect(delay({ attempts: 4, random: 0 })).toBe(0);
    expect(delay({ attempts: 4, random: 0.5 })).toBe(2_000);
    expect(delay({ attempts: 9, random: 0 })).toBe(450_000);
  });

  it('is at least what the provider asked for, in both phases', () => {
    expect(delay({ retryAfterMs: 7_000, random: 0 })).toBe(7_000);
    expect(delay({ retryAfterMs: 3_600_000, attempts: 9 })).toBe(3_600_000);
    expect(delay({ retryAfterMs: 1, attempts: 4 })).toBe(4_000);
  });

  it('never outlasts the time for which a delivery is tried, whatever the provider asks for', () => {
    for (const retryAfterMs of [DELIVERY_DEADLINE_MS + 1, 1e15, Number.MAX_VALUE]) {
      expect(delay({ retryAfterMs })).toBe(DELIVERY_DEADLINE_MS);
    }
  });

  it('is a whole number within the bounds, for any attempt and policy', () => {
    const attempts = fc.record({
      attempts: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      retryAfterMs: fc.option(fc.integer({ min: 0, max: DELIVERY_DEADLINE_MS })),
      random,
    });
    fc.assert(
      fc.property(attempts, policies, (attempt, policy) => {
        const ms = retryDelayMs(attempt, policy);
        const isQuick = attempt.attempts < policy.attempts;
        const least = Math.max(attempt.retryAfterMs ?? 0, isQuick ? 0 : 30_000);
        const most = Math.max(attempt.retryAfterMs ?? 0, isQuick ? policy.maxMs : 900_000);
        expect(Number.isSafeInteger(ms)).toBe(true);
        expect(ms).toBeGreaterThanOrEqual(least);
        expect(ms).toBeLessThanOrEqual(most);
      }),
    );
  });

  it('does not shrink from one try to the next within a phase, at equal luck', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), random, policies, (attempts, luck, policy) => {
        fc.pre(attempts + 1 !== policy.attempts);
        const attempt = { retryAfterMs: null, random: luck };
        const next = retryDelayMs({ ...attempt, attempts: attempts + 1 }, policy);
        expect(next).toBeGreaterThanOrEqual(retryDelayMs({ ...attempt, attempts }, policy));
      }),
    );
  });
});
