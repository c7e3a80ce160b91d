import { describe, expect, it } from 'vitest';
import { cronPeriodMs } from './cron-period.ts';

const HOUR_MS = 3_600_000;
const from = new Date('2026-11-23T12:00:00Z');

describe('the period of a schedule', () => {
  it.each([
    ['0 * * * *', 1],
    ['0 3 * * *', 24],
    ['0 3 * * 1-5', 72],
    ['0 9,17 * * *', 16],
  ])('%s is at most %i hours', (cron, hours) => {
    expect(cronPeriodMs(cron, from)).toBe(hours * HOUR_MS);
  });
});
