import { z } from 'zod';
import { providerIds } from '../core/provider.ts';
import type { Statistics, StatisticsPoint, StatisticsTotals } from '../pipeline/statistics.ts';

export const statisticsRanges = ['1h', '6h', '24h'] as const;

const byProvider = z.partialRecord(z.enum(providerIds), z.int());
const counted = {
  files: z.int().describe('Accepted'),
  bytes: z.int().describe('Received'),
  refused: z.int(),
  errors: z.int().describe('5xx answers'),
  delivered: byProvider,
  failed: byProvider,
};
const seconds = z.number().nullable();

/** What one instance has counted in the last hours. */
export const statisticsObject = z
  .object({
    object: z.literal('statistics'),
    range: z.enum(statisticsRanges),
    step_seconds: z.int(),
    since: z.int().describe('When this instance began to count, in Unix seconds'),
    points: z.array(
      z.object({
        at: z.int().describe('End of the step; that of the last is still to come'),
        ...counted,
        delivered_bytes: z.int(),
        receive_p50_seconds: seconds,
        receive_p95_seconds: seconds,
        delivery_p50_seconds: seconds,
        delivery_p95_seconds: seconds,
        waiting: z.int().describe('Deliveries under way at the end of the step'),
      }),
    ),
    totals: z.object(counted).describe('Over the range'),
    now: z.object({
      storage_bytes: z.int(),
      storage_free_bytes: z.int().nullable().describe('Null where files rest in a bucket'),
      files: z.int().describe('Of all users'),
      deliveries_waiting: z.int(),
      oldest_waiting_seconds: z.number(),
      receptions: z.int().describe('Files that are coming in'),
      event_loop_lag_seconds: z.number(),
    }),
  })
  .meta({ id: 'Statistics' });

export type StatisticsObject = z.output<typeof statisticsObject>;

export const toStatisticsObject = (statistics: Statistics): StatisticsObject => {
  const { now } = statistics;
  return {
    object: 'statistics',
    range: statistics.range,
    step_seconds: statistics.stepSeconds,
    since: statistics.since,
    points: statistics.points.map(toPoint),
    totals: toCounted(statistics.totals),
    now: {
      storage_bytes: now.storageBytes,
      storage_free_bytes: now.storageFreeBytes,
      files: now.files,
      deliveries_waiting: now.deliveriesWaiting,
      oldest_waiting_seconds: now.oldestWaitingSeconds,
      receptions: now.receptions,
      event_loop_lag_seconds: now.eventLoopLagSeconds,
    },
  };
};

const toCounted = ({ files, bytes, refused, errors, delivered, failed }: StatisticsTotals) => ({
  files,
  bytes,
  refused,
  errors,
  delivered: { ...delivered },
  failed: { ...failed },
});

const toPoint = (point: StatisticsPoint) => ({
  at: point.at,
  ...toCounted(point),
  delivered_bytes: point.deliveredBytes,
  receive_p50_seconds: point.receiveSeconds.p50,
  receive_p95_seconds: point.receiveSeconds.p95,
  delivery_p50_seconds: point.deliverySeconds.p50,
  delivery_p95_seconds: point.deliverySeconds.p95,
  waiting: point.waiting,
});
