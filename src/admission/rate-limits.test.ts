import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { openRateLimits, type RateLimits, type RateLimitsOptions } from './rate-limits.ts';

const opened: RateLimits[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((limits) => limits.close()));
});

const open = (options: Partial<RateLimitsOptions> = {}): RateLimits => {
  const log = pino({ level: 'silent' });
  const limits = openRateLimits({ perMinute: 3, store: { kind: 'memory' }, log, ...options });
  opened.push(limits);
  return limits;
};
const user = (sub: string) => ({ kind: 'user', sub }) as const;
const address = (ip: string) => ({ kind: 'address', ip }) as const;

describe('rate limits in memory', () => {
  it('let so many calls through, say what is left, and refuse the next', async () => {
    const limits = open();
    const standings = [];
    for (let call = 0; call < 5; call += 1) standings.push(await limits.count('calls', user('a')));
    expect(standings.map(({ isOver, remaining }) => [isOver, remaining])).toEqual([
      [false, 2],
      [false, 1],
      [false, 0],
      [true, 0],
      [true, 0],
    ]);
    for (const { resetMs } of standings) {
      expect(resetMs).toBeGreaterThan(0);
      expect(resetMs).toBeLessThanOrEqual(60_000);
    }
  });

  it('L09 count users, addresses and buckets apart', async () => {
    const limits = open({ perMinute: 1 });
    await limits.count('uploads', user('a'));
    expect((await limits.count('uploads', user('a'))).isOver).toBe(true);
    expect((await limits.count('calls', user('a'))).isOver).toBe(false);
    expect((await limits.count('uploads', user('b'))).isOver).toBe(false);
    expect((await limits.count('uploads', address('a'))).isOver).toBe(false);
  });

  it('let exactly so many of calls at the same time through', async () => {
    const limits = open({ perMinute: 50 });
    const standings = await Promise.all(Array.from({ length: 500 }, () => limits.count('calls', user('a'))));
    expect(standings.filter(({ isOver }) => !isOver)).toHaveLength(50);
  });

  it('L15 keep no more counters than they may under 100,000 addresses', async () => {
    const limits = open({ perMinute: 2, maxAddresses: 1_000 });
    await limits.count('calls', address('192.0.2.1'));
    let refused = 0;
    for (let made = 0; made < 100_000; made += 1) {
      const ip = `2001:db8:${(made >> 16).toString(16)}:${(made & 0xffff).toString(16)}::1`;
      if ((await limits.count('calls', address(ip))).isOver) refused += 1;
    }
    // 999 more had a counter of their own; all others shared one, which has two.
    expect(refused).toBe(100_000 - 999 - 2);
    expect((await limits.count('calls', address('192.0.2.1'))).isOver).toBe(false);
    expect((await limits.count('calls', user('a'))).isOver).toBe(false);
  });
});
