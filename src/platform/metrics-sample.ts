import type { Registry } from 'prom-client';
import { type ProviderId, providerIds } from '../core/provider.ts';
import { TRANSFER_BUCKETS } from './metrics-buckets.ts';

/** How often what took at most how long: totals for each of `TRANSFER_BUCKETS`, and all in the last place. */
export type DurationTotals = readonly number[];

/** What was counted since the start. */
export interface MetricsSample {
  readonly files: number;
  readonly bytes: number;
  readonly refused: number;
  /** Answers with a status of 500 and above. */
  readonly errors: number;
  readonly delivered: Readonly<Partial<Record<ProviderId, number>>>;
  readonly failed: Readonly<Partial<Record<ProviderId, number>>>;
  readonly deliveredBytes: number;
  readonly receiving: DurationTotals;
  readonly delivering: DurationTotals;
  readonly receptions: number;
}

interface Value {
  readonly value: number;
  readonly labels: Readonly<Partial<Record<string, string | number>>>;
  readonly metricName?: string | undefined;
}

/** Reads the totals from the metrics themselves. */
export const createSampler = (registry: Registry) => {
  const values = async (name: string): Promise<readonly Value[]> => {
    const metric = registry.getSingleMetric(name);
    if (metric === undefined) throw new Error(`There is no metric ${name}.`);
    return (await metric.get()).values;
  };
  return async (): Promise<MetricsSample> => {
    const [received, bytes, answers, ended, sizes, receiving, delivering, receptions] = await Promise.all(
      [
        'waybill_received_files_total',
        'waybill_received_bytes_total',
        'waybill_http_requests_total',
        'file_upload_total',
        'file_upload_size_bytes',
        'waybill_receive_duration_seconds',
        'file_upload_duration_seconds',
        'waybill_receptions_in_progress',
      ].map(values),
    );
    const of = (all: readonly Value[] = [], label?: string, wanted?: string): number =>
      sum(all.filter(({ labels }) => label === undefined || labels[label] === wanted));
    return {
      files: of(received, 'outcome', 'accepted'),
      bytes: of(bytes),
      refused: of(received, 'outcome', 'refused'),
      errors: sum((answers ?? []).filter(({ labels }) => Number(labels.status) >= 500)),
      delivered: byProvider(ended, 'completed'),
      failed: byProvider(ended, 'failed'),
      deliveredBytes: sum((sizes ?? []).filter(({ metricName = '' }) => metricName.endsWith('_sum'))),
      receiving: totals(receiving),
      delivering: totals(delivering),
      receptions: of(receptions),
    };
  };
};

const sum = (values: readonly Value[]): number => values.reduce((total, { value }) => total + value, 0);

const byProvider = (values: readonly Value[] = [], status: string): MetricsSample['delivered'] =>
  Object.fromEntries(
    providerIds.flatMap((id) => {
      const own = values.filter(({ labels }) => labels.provider === id && labels.status === status);
      return own.length === 0 ? [] : [[id, sum(own)]];
    }),
  );

const totals = (values: readonly Value[] = []): DurationTotals => {
  const at = (bound: number | string): number => sum(values.filter(({ labels }) => labels.le === bound));
  return [...TRANSFER_BUCKETS.map(at), at('+Inf')];
};
