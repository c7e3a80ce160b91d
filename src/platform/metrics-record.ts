import { Gauge, type Registry } from 'prom-client';
import type { ProviderId } from '../core/provider.ts';

/** Deliveries of these states are under way. */
const movingStatuses = ['pending', 'uploading', 'processing', 'deleting'] as const;
export type MovingStatus = (typeof movingStatuses)[number];
const jobStates = ['created', 'retry', 'active', 'failed'] as const;
export type JobState = (typeof jobStates)[number];

/** What the record says of a provider. Ages in seconds, 0 when there is nothing that waits. */
export interface ProviderReading {
  readonly deliveries: Readonly<Record<MovingStatus, number>>;
  readonly queueAgeSeconds: number;
  readonly removalAgeSeconds: number;
  /** Null: not known just now. */
  readonly used: { readonly bytes: number; readonly files: number } | null;
}

/** What the last reconciliation found at a provider, of all accounts. */
export interface DifferencesReading {
  readonly ghost: number;
  readonly orphan: number;
  readonly foreign: number;
  readonly mismatched: number;
  readonly isUnreadable: boolean;
}

/** What the record says, for whoever watches the gateway. The same on every instance. */
export interface RecordReading {
  readonly storageBytes: number;
  readonly liveFiles: number;
  readonly providers: ReadonlyMap<ProviderId, ProviderReading>;
  readonly queues: ReadonlyMap<
    string,
    { readonly counts: Readonly<Record<JobState, number>>; readonly ageSeconds: number }
  >;
  readonly passes: ReadonlyMap<
    'cleanup' | 'reconcile',
    { readonly lastCompletedAt: Date | null; readonly lastStatus: string }
  >;
  readonly differences: ReadonlyMap<ProviderId, DifferencesReading>;
}

export interface RecordMetrics {
  /** Shows what was read; null: the record did not answer, so nothing is shown of it. */
  show(reading: RecordReading | null): void;
}

export const createRecordMetrics = (registry: Registry): RecordMetrics => {
  const gauges: Gauge[] = [];
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[]): Gauge<Label> => {
    const made = new Gauge({ name, help, labelNames, registers: [registry] });
    gauges.push(made);
    return made;
  };
  const up = new Gauge({
    name: 'waybill_record_up',
    help: '1 while the record answers',
    registers: [registry],
  });
  // A gauge without labels would show a 0 where nothing is known.
  const storage = gauge('storage_usage_bytes', 'Master copies, each once', ['none']);
  const deliveries = gauge('waybill_deliveries', 'Deliveries under way', ['provider', 'status']);
  const queueAge = gauge('waybill_delivery_queue_age_seconds', 'Since when the oldest delivery is due', [
    'provider',
  ]);
  const usedBytes = gauge('waybill_provider_used_bytes', 'What is kept there', ['provider']);
  const usedFiles = gauge('waybill_provider_used_files', 'How many files are kept there', ['provider']);
  const removals = gauge('waybill_removals_waiting', 'Copies whose removal is not confirmed', ['provider']);
  const removalAge = gauge('waybill_removal_age_seconds', 'Since when the oldest of them is waiting', [
    'provider',
  ]);
  const jobs = gauge('waybill_jobs', 'Jobs', ['queue', 'state']);
  const jobAge = gauge('waybill_job_age_seconds', 'Since when the oldest job that may run waits', ['queue']);
  const lastCompleted = gauge('waybill_pass_last_completed_seconds', 'Unix time of the last completed', [
    'kind',
  ]);
  const lastStatus = gauge('waybill_pass_last_status', '1 for how the last one ended', ['kind', 'status']);
  const differences = gauge('waybill_reconcile_differences', 'Of the last reconciliation', [
    'provider',
    'kind',
  ]);
  const unreadable = gauge('waybill_reconcile_unreadable', '1 when the list was not read or not believed', [
    'provider',
  ]);

  const showProvider = (provider: ProviderId, reading: ProviderReading): void => {
    for (const status of movingStatuses) deliveries.set({ provider, status }, reading.deliveries[status]);
    queueAge.set({ provider }, reading.queueAgeSeconds);
    removals.set({ provider }, reading.deliveries.deleting);
    removalAge.set({ provider }, reading.removalAgeSeconds);
    if (reading.used === null) return;
    usedBytes.set({ provider }, reading.used.bytes);
    usedFiles.set({ provider }, reading.used.files);
  };
  return {
    show: (reading) => {
      up.set(reading === null ? 0 : 1);
      for (const one of gauges) one.reset();
      if (reading === null) return;
      storage.set(reading.storageBytes);
      for (const [provider, found] of reading.providers) showProvider(provider, found);
      for (const [queue, { counts, ageSeconds }] of reading.queues) {
        for (const state of jobStates) jobs.set({ queue, state }, counts[state]);
        jobAge.set({ queue }, ageSeconds);
      }
      for (const [kind, { lastCompletedAt, lastStatus: last }] of reading.passes) {
        if (lastCompletedAt !== null) lastCompleted.set({ kind }, lastCompletedAt.getTime() / 1_000);
        for (const status of ['completed', 'stopped', 'failed'])
          lastStatus.set({ kind, status }, status === last ? 1 : 0);
      }
      for (const [provider, { isUnreadable, ...counts }] of reading.differences) {
        unreadable.set({ provider }, isUnreadable ? 1 : 0);
        for (const [kind, count] of Object.entries(counts)) differences.set({ provider, kind }, count);
      }
    },
  };
};
