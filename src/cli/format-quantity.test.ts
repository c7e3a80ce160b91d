import { describe, expect, it } from 'vitest';
import { formatBytes, formatDuration, formatTime } from './format-quantity.ts';

describe('quantities for people', () => {
  it.each([
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_024, '1 KB'],
    [1_536, '1.5 KB'],
    [2 ** 20 - 1, '1 MB'],
    [8 * 2 ** 30, '8 GB'],
    [2 ** 60, '1024 PB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [0, '0:00'],
    [6_100, '0:07'],
    [59_999, '1:00'],
    [3_723_000, '1:02:03'],
    [Number.POSITIVE_INFINITY, '-:--'],
    [Number.NaN, '-:--'],
  ])('%d ms are %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('a time is in the zone of this machine, and nonsense is a dash', () => {
    const noon = new Date(2026, 0, 5, 12, 7).getTime() / 1_000;
    expect(formatTime(noon)).toBe('2026-01-05 12:07');
    expect(formatTime(Number.NaN)).toBe('-');
  });
});
