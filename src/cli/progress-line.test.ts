import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayWidth } from './display-width.ts';
import { formatProgress } from './progress-line.ts';
import { createRateMeter } from './rate-meter.ts';

const MB = 2 ** 20;
const line = (changes: Partial<Parameters<typeof formatProgress>[0]>): string =>
  formatProgress({
    filename: 'report.pdf',
    sentBytes: 5 * MB,
    totalBytes: 10 * MB,
    bytesPerSecond: MB,
    columns: 79,
    ...changes,
  });

describe('the line of a transfer', () => {
  it('shows name, bar, percent, bytes, rate and time left', () => {
    expect(line({})).toBe('report.pdf  [============>            ]   50%  5 MB of 10 MB  1 MB/s  0:05 left');
  });

  it('is full at the end, and says nothing of a time left', () => {
    expect(line({ sentBytes: 10 * MB })).toMatch(
      /^report\.pdf {2}\[=+\] {2}100% {2}10 MB of 10 MB {2}1 MB\/s$/,
    );
  });

  it('shows what is known where the end is not', () => {
    expect(line({ totalBytes: null })).toBe('report.pdf  5 MB  1 MB/s');
    expect(line({ totalBytes: null, bytesPerSecond: null })).toBe('report.pdf  5 MB');
  });

  it('has a time left that is not a number nowhere', () => {
    expect(line({ bytesPerSecond: 0 })).toContain('-:-- left');
    expect(line({ sentBytes: 0, totalBytes: 0 })).toContain('100%');
  });

  it('is never wider than it may be', () => {
    fc.assert(
      fc.property(
        fc.record({
          filename: fc.constantFrom('a', '报告'.repeat(60), 'x'.repeat(300)),
          sentBytes: fc.nat(),
          totalBytes: fc.option(fc.nat()),
          bytesPerSecond: fc.option(fc.nat()),
          columns: fc.integer({ min: 1, max: 250 }),
        }),
        (progress) => {
          expect(displayWidth(formatProgress(progress))).toBeLessThanOrEqual(progress.columns);
        },
      ),
    );
  });
});

describe('the rate', () => {
  it('is that of the last seconds', () => {
    let nowMs = 0;
    const meter = createRateMeter(() => nowMs);
    expect(meter.measure(0)).toBeNull();
    const rates = [1, 2, 3, 4, 5, 6, 7, 8].map((second) => {
      nowMs = second * 1_000;
      // A hundred bytes a second, then nothing more.
      return meter.measure(Math.min(second, 4) * 100);
    });
    expect(rates.slice(0, 4)).toEqual([100, 100, 100, 100]);
    expect(rates.at(-1)).toBe(0);
  });
});
