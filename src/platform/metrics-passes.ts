import { Counter, Histogram, type Registry } from 'prom-client';
import type { RemovalCounts } from '../core/cleanup-report.ts';
import type { ProviderId } from '../core/provider.ts';
import { PASS_BUCKETS } from './metrics-buckets.ts';

const KINDS = ['cleanup', 'reconcile'] as const;
const STATUSES = ['completed', 'stopped', 'failed'] as const;
const REPAIRS = ['redelivered', 'marked', 'adopted', 'removed'] as const;
const REMOVED = {
  files: 'files',
  uploads: 'uploads',
  reservations: 'reservations',
  blobs: 'blobs',
  uploadUrls: 'upload_urls',
  idempotencyKeys: 'idempotency_keys',
  auditRows: 'audit_rows',
  tombstones: 'tombstones',
  passes: 'passes',
} as const satisfies Record<Exclude<keyof RemovalCounts, 'bytes'>, string>;

export interface PassMetrics {
  ended(pass: {
    readonly kind: (typeof KINDS)[number];
    readonly status: (typeof STATUSES)[number];
    readonly seconds: number;
  }): void;
  /** What a cleanup removed. */
  removed(counts: RemovalCounts): void;
  /** What a reconciliation did about what differed. */
  repaired(provider: ProviderId, counts: Readonly<Record<(typeof REPAIRS)[number], number>>): void;
}

export const createPassMetrics = (registry: Registry): PassMetrics => {
  const registers = [registry];
  const passes = new Counter({
    name: 'waybill_passes_total',
    help: 'Passes that ended on this instance',
    labelNames: ['kind', 'status'],
    registers,
  });
  const durations = new Histogram({
    name: 'waybill_pass_duration_seconds',
    help: 'How long passes took',
    labelNames: ['kind'],
    buckets: [...PASS_BUCKETS],
    registers,
  });
  const removals = new Counter({
    name: 'waybill_cleanup_removed_total',
    help: 'What cleanups removed',
    labelNames: ['what'],
    registers,
  });
  const repairs = new Counter({
    name: 'waybill_reconcile_repairs_total',
    help: 'What reconciliations did',
    labelNames: ['provider', 'action'],
    registers,
  });
  for (const kind of KINDS) {
    durations.zero({ kind });
    for (const status of STATUSES) passes.inc({ kind, status }, 0);
  }
  for (const what of Object.values(REMOVED)) removals.inc({ what }, 0);
  return {
    ended: ({ kind, status, seconds }) => {
      passes.inc({ kind, status });
      durations.observe({ kind }, seconds);
    },
    removed: (counts) => {
      for (const [kind, what] of Object.entries(REMOVED))
        removals.inc({ what }, counts[kind as keyof typeof REMOVED]);
    },
    repaired: (provider, counts) => {
      for (const action of REPAIRS) repairs.inc({ provider, action }, counts[action]);
    },
  };
};
