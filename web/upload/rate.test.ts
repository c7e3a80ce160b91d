import { describe, expect, it } from 'vitest';
import { createRate, secondsLeft } from './rate.ts';

describe('a rate', () => {
  it('is that of the last seconds', () => {
    const rate = createRate();
    expect(rate.bytesPerSecond(0)).toBeNull();
    rate.record(0, 0);
    rate.record(100, 100);
    expect(rate.bytesPerSecond(100)).toBeNull();
    rate.record(1_000, 1_000);
    expect(rate.bytesPerSecond(1_000)).toBe(1_000);
    rate.record(11_000, 6_000);
    expect(rate.bytesPerSecond(6_000)).toBe(2_000);
  });

  it('is unknown once nothing moves any more, and after a step back', () => {
    const rate = createRate();
    rate.record(0, 0);
    rate.record(1_000, 1_000);
    expect(rate.bytesPerSecond(7_000)).toBeNull();
    rate.record(500, 1_500);
    expect(rate.bytesPerSecond(1_500)).toBeNull();
  });
});

it('says when the rest will have gone, where anybody can', () => {
  expect(secondsLeft(3_000, 1_000)).toBe(3);
  expect(secondsLeft(3_000, 0)).toBeNull();
  expect(secondsLeft(3_000, null)).toBeNull();
});
