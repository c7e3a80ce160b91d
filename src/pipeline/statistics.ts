import type { ProviderId } from '../core/provider.ts';
import { TRANSFER_BUCKETS } from '../platform/metrics-buckets.ts';
import type { RecordReading } from '../platform/metrics-record.ts';
import type { DurationTotals, MetricsSample } from '../platform/metrics-sample.ts';
import type { ReadRecord } from './record-reading.ts';

type StatisticsRange = '1h' | '6h' | '24h';
type Counts = Readonly<Partial<Record<ProviderId, number>>>;

/** What was counted in a time. Times in Unix seconds. */
export interface StatisticsTotals {
  /** Accepted. */
  readonly files: number;
  /** Taken in. */
  readonly bytes: number;
  readonly refused: number;
  /** Answers with a status of 500 and above. */
  readonly errors: number;
  readonly delivered: Counts;
  readonly failed: Counts;
}

export interface StatisticsPoint extends StatisticsTotals {
  /** The end of the step; that of the last has not come yet. */
  readonly at: number;
  readonly deliveredBytes: number;
  /** Null where there was none. */
  readonly receiveSeconds: Quantiles;
  readonly deliverySeconds: Quantiles;
  /** Deliveries under way at the end of the step. */
  readonly waiting: number;
}

interface Quantiles {
  readonly p50: number | null;
  readonly p95: number | null;
}

export interface Statistics {
  readonly range: StatisticsRange;
  readonly stepSeconds: number;
  /** When this instance began to count. */
  readonly since: number;
  readonly points: readonly StatisticsPoint[];
  readonly totals: StatisticsTotals;
  readonly now: {
    readonly storageBytes: number;
    /** Null where files do not rest on a disk of this machine. */
    readonly storageFreeBytes: number | null;
    readonly files: number;
    readonly deliveriesWaiting: number;
    readonly oldestWaitingSeconds: number;
    readonly receptions: number;
    readonly eventLoopLagSeconds: number;
  };
}

/** What this instance has counted in the last hours, kept in memory. */
export interface StatisticsKeeper {
  read(range: StatisticsRange): Promise<Statistics>;
  close(): void;
}

export interface StatisticsOptions {
  readonly sample: () => Promise<MetricsSample>;
  readonly readRecord: ReadRecord;
  readonly freeBytes: () => Promise<number | null>;
  readonly lagSeconds: () => number;
  /** The time in milliseconds. */
  readonly now?: () => number;
}

const SAMPLE_EVERY_MS = 10_000;

/** A multiple of the grain it is drawn from. */
const RANGES = {
  '1h': { seconds: 3_600, stepSeconds: 60, grain: 60 },
  '6h': { seconds: 21_600, stepSeconds: 300, grain: 300 },
  '24h': { seconds: 86_400, stepSeconds: 900, grain: 300 },
} as const satisfies Record<StatisticsRange, object>;

/** The totals as they were when a grain of time ended. */
interface Mark {
  /** In Unix seconds. */
  readonly at: number;
  readonly sample: MetricsSample;
  readonly waiting: number;
}

/** Begins to count. The caller closes it. */
export const startStatistics = async (options: StatisticsOptions): Promise<StatisticsKeeper> => {
  const { sample, readRecord, now = Date.now } = options;
  const since = Math.floor(now() / 1_000);
  const first: Mark = { at: since, sample: await sample(), waiting: 0 };
  const fine = createMarks(60, 61, first);
  const coarse = createMarks(300, 289, first);
  const look = async (): Promise<{ mark: Mark; record: RecordReading | null }> => {
    const [totals, record] = await Promise.all([sample(), readRecord()]);
    const mark = { at: now() / 1_000, sample: totals, waiting: waitingIn(record) };
    for (const marks of [fine, coarse]) marks.add(mark);
    return { mark, record };
  };
  const timer = setInterval(() => void look().catch(() => undefined), SAMPLE_EVERY_MS).unref();
  return {
    read: async (range) => {
      const { mark, record } = await look();
      const { seconds, stepSeconds, grain } = RANGES[range];
      const marks = (grain === 60 ? fine : coarse).since(mark.at - seconds, stepSeconds);
      const [earliest = first] = marks;
      return {
        range,
        stepSeconds,
        since,
        points: pointsOf([...marks, { ...mark, at: endOfStep(mark.at, stepSeconds) }]),
        totals: difference(earliest.sample, mark.sample),
        now: await present(options, mark, record),
      };
    },
    close: () => clearInterval(timer),
  };
};

/** The newest `keep` marks at multiples of `grain` seconds, and in front of them where the counting began. */
const createMarks = (grain: number, keep: number, first: Mark) => {
  const marks: Mark[] = [first];
  let next = endOfStep(first.at, grain);
  return {
    add: (mark: Mark): void => {
      if (mark.at < next) return;
      const at = Math.floor(mark.at / grain) * grain;
      marks.push({ ...mark, at });
      if (marks.length > keep) marks.shift();
      next = at + grain;
    },
    since: (from: number, stepSeconds: number): readonly Mark[] => {
      const whole = marks.filter((mark) => mark === first || mark.at % stepSeconds === 0);
      const earlier = whole.findLastIndex(({ at }) => at <= from);
      return whole.slice(Math.max(0, earlier));
    },
  };
};

const endOfStep = (at: number, stepSeconds: number): number =>
  (Math.floor(at / stepSeconds) + 1) * stepSeconds;

const pointsOf = (marks: readonly Mark[]): readonly StatisticsPoint[] =>
  marks.slice(1).map(({ at, sample, waiting }, index) => {
    const before = marks[index]?.sample ?? sample;
    return {
      at,
      ...difference(before, sample),
      deliveredBytes: sample.deliveredBytes - before.deliveredBytes,
      receiveSeconds: quantilesOf(before.receiving, sample.receiving),
      deliverySeconds: quantilesOf(before.delivering, sample.delivering),
      waiting,
    };
  });

const difference = (before: MetricsSample, after: MetricsSample): StatisticsTotals => ({
  files: after.files - before.files,
  bytes: after.bytes - before.bytes,
  refused: after.refused - before.refused,
  errors: after.errors - before.errors,
  delivered: less(after.delivered, before.delivered),
  failed: less(after.failed, before.failed),
});

const less = (after: Counts, before: Counts): Counts =>
  Object.fromEntries(
    Object.entries(after).map(([id, count]) => [id, count - (before[id as ProviderId] ?? 0)]),
  );

const quantilesOf = (before: DurationTotals, after: DurationTotals): Quantiles => {
  const counts = after.map((total, index) => total - (before[index] ?? 0));
  return { p50: quantile(counts, 0.5), p95: quantile(counts, 0.95) };
};

/** As Prometheus' `histogram_quantile`: within a bucket as if all were spread evenly. */
const quantile = (counts: readonly number[], share: number): number | null => {
  const all = counts.at(-1) ?? 0;
  if (all === 0) return null;
  const rank = share * all;
  const bucket = counts.findIndex((count) => count >= rank);
  const [lower, upper] = [TRANSFER_BUCKETS[bucket - 1] ?? 0, TRANSFER_BUCKETS[bucket]];
  if (upper === undefined) return lower;
  const [below, within] = [counts[bucket - 1] ?? 0, counts[bucket] ?? 0];
  return lower + ((upper - lower) * (rank - below)) / (within - below);
};

const waitingIn = (record: RecordReading | null): number =>
  [...(record?.providers.values() ?? [])].reduce(
    (sum, { deliveries }) => sum + deliveries.pending + deliveries.uploading + deliveries.processing,
    0,
  );

const present = async (
  { freeBytes, lagSeconds }: StatisticsOptions,
  { sample, waiting }: Mark,
  record: RecordReading | null,
): Promise<Statistics['now']> => ({
  storageBytes: record?.storageBytes ?? 0,
  storageFreeBytes: await freeBytes(),
  files: record?.liveFiles ?? 0,
  deliveriesWaiting: waiting,
  oldestWaitingSeconds: Math.max(
    0,
    ...[...(record?.providers.values() ?? [])].map(({ queueAgeSeconds }) => queueAgeSeconds),
  ),
  receptions: sample.receptions,
  eventLoopLagSeconds: lagSeconds(),
});
