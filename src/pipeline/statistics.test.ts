import { afterEach, describe, expect, it } from 'vitest';
import { createMetrics, type Metrics } from '../platform/metrics.ts';
import { type StatisticsKeeper, startStatistics } from './statistics.ts';

const MINUTE_MS = 60_000;
/** Begins 30 s into a minute. */
const START_MS = 1_800_000_030_000;

let keeper: StatisticsKeeper | null = null;
afterEach(() => keeper?.close());

const start = async (): Promise<{
  metrics: Metrics;
  keeper: StatisticsKeeper;
  pass: (ms: number) => void;
}> => {
  const metrics = createMetrics({ version: '1', emulated: false });
  let nowMs = START_MS;
  keeper = await startStatistics({
    sample: metrics.sample,
    readRecord: async () => null,
    freeBytes: async () => null,
    lagSeconds: () => 0,
    now: () => nowMs,
  });
  return {
    metrics,
    keeper,
    pass: (ms) => {
      nowMs += ms;
    },
  };
};

const receive = (metrics: Metrics, bytes: number): void => {
  const meter = metrics.receptions.begin('raw');
  meter.took(bytes);
  meter.accepted(bytes);
};

describe('statistics', () => {
  it('have a point from the start, which ends with the step that runs', async () => {
    const { keeper } = await start();
    const { points, since, stepSeconds, totals } = await keeper.read('1h');
    expect(stepSeconds).toBe(60);
    expect(since).toBe(START_MS / 1_000);
    expect(points).toMatchObject([
      { at: START_MS / 1_000 + 30, files: 0, receiveSeconds: { p50: null, p95: null } },
    ]);
    expect(totals).toMatchObject({ files: 0, bytes: 0 });
  });

  it('count each thing in the step in which it happened, and all of it in the totals', async () => {
    const { metrics, keeper, pass } = await start();
    receive(metrics, 10);
    pass(MINUTE_MS);
    await keeper.read('1h');
    receive(metrics, 5);
    metrics.deliveries.completed('kimi', { sizeBytes: 7, wantedAt: new Date() });
    metrics.deliveries.failed('glm', 'provider_rejected');
    metrics.http.answered({ method: 'GET', route: '/', status: 503, seconds: 1 });
    const { points, totals } = await keeper.read('1h');
    expect(points.map(({ files, bytes, deliveredBytes }) => [files, bytes, deliveredBytes])).toEqual([
      [1, 10, 0],
      [1, 5, 7],
    ]);
    expect(totals).toEqual({
      files: 2,
      bytes: 15,
      refused: 0,
      errors: 1,
      delivered: { kimi: 1 },
      failed: { glm: 1 },
    });
    expect(points[1]?.deliverySeconds.p95).toBeLessThanOrEqual(0.005);
    expect(points[0]?.deliverySeconds.p50).toBeNull();
  });

  it('look back no further than the range, in whole steps, and hold no more than they show', async () => {
    const { metrics, keeper, pass } = await start();
    for (let minute = 0; minute < 26 * 60; minute += 1) {
      receive(metrics, 1);
      pass(MINUTE_MS);
      if (minute % 5 === 0) await keeper.read('1h');
    }
    for (const [range, step, most] of [
      ['1h', 60, 61],
      ['6h', 300, 73],
      ['24h', 900, 97],
    ] as const) {
      const { points, totals } = await keeper.read(range);
      expect(points.length).toBeLessThanOrEqual(most);
      expect(points.every(({ at }) => at % step === 0)).toBe(true);
      expect(points.reduce((sum, { files }) => sum + files, 0)).toBe(totals.files);
      const minutes = (step * (most - 1)) / 60;
      expect(Math.abs(totals.files - minutes)).toBeLessThanOrEqual(2 * (step / 60) + 5);
    }
  });
});
