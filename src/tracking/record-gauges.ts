import { sql } from 'kysely';
import type { DeliveryStatus } from '../core/file.ts';
import type { ProviderId } from '../core/provider.ts';
import type { AccountReport, ReconcileReport } from '../core/reconcile-report.ts';
import type { Queryable } from '../platform/database.ts';
import type { PassKind, PassStatus } from './passes.ts';

/**
 * What is counted of the record now and again. But for `heldCopies`, each statement reads an index or a small table,
 * however many files there are.
 */

export interface MovingDeliveries {
  readonly provider: ProviderId;
  readonly status: DeliveryStatus;
  readonly count: number;
  /** Since when the oldest is due that may go, or is to be removed; 0: there is none. */
  readonly ageSeconds: number;
}

/** Deliveries that are under way, by provider and state. */
export const movingDeliveries = async (db: Queryable): Promise<readonly MovingDeliveries[]> => {
  const rows = await db
    .selectFrom('provider_file_uploads as copy')
    .leftJoin('files', (join) =>
      join.onRef('files.id', '=', 'copy.file_id').on('copy.status', '=', 'deleting'),
    )
    .select(({ fn }) => [
      'copy.provider',
      'copy.status',
      fn.countAll<number>().as('count'),
      sql<number>`coalesce(extract(epoch from now() - min(case
        when copy.status = 'pending' then coalesce(copy.due_at, copy.updated_at)
        when copy.status = 'deleting' then coalesce(files.deleted_at, copy.updated_at) end)), 0)::float8`.as(
        'age',
      ),
    ])
    .where('copy.status', 'in', ['pending', 'uploading', 'processing', 'deleting'])
    .groupBy(['copy.provider', 'copy.status'])
    .execute();
  return rows.map(({ provider, status, count, age }) => ({
    provider,
    status,
    count,
    // The oldest may not be due yet.
    ageSeconds: Math.max(0, age),
  }));
};

export interface HeldCopies {
  readonly provider: ProviderId;
  readonly files: number;
  readonly bytes: number;
}

/** What is kept at each provider, in one pass over the copies: a copy that is there was sent to its last byte. */
export const heldCopies = async (db: Queryable): Promise<readonly HeldCopies[]> => {
  const rows = await db
    .selectFrom('provider_file_uploads')
    .select(({ fn }) => [
      'provider',
      fn.countAll<number>().as('files'),
      fn.sum<string>('bytes_sent').as('bytes'),
    ])
    .where('provider_file_id', 'is not', null)
    .where('status', 'in', ['processing', 'completed', 'deleting'])
    .groupBy('provider')
    .execute();
  return rows.map(({ provider, files, bytes }) => ({ provider, files, bytes: Number(bytes) }));
};

/** The live files, by what their owners are charged for, less what is only promised. */
export const storageUse = async (
  db: Queryable,
): Promise<{ readonly files: number; readonly bytes: number }> => {
  const { files, bytes } = await db
    .selectNoFrom(({ selectFrom }) => [
      selectFrom('quotas').select(sql<string>`coalesce(sum(charged_files), 0)`.as('n')).as('charged_files'),
      selectFrom('quotas').select(sql<string>`coalesce(sum(charged_bytes), 0)`.as('n')).as('charged_bytes'),
      selectFrom('reservations').select(sql<string>`count(*)`.as('n')).as('files'),
      selectFrom('reservations').select(sql<string>`coalesce(sum(bytes), 0)`.as('n')).as('bytes'),
    ])
    .executeTakeFirstOrThrow()
    .then((row) => ({
      files: Number(row.charged_files) - Number(row.files),
      bytes: Number(row.charged_bytes) - Number(row.bytes),
    }));
  return { files: Math.max(0, files), bytes: Math.max(0, bytes) };
};

export interface LastPass {
  readonly kind: PassKind;
  readonly status: PassStatus;
  readonly lastCompletedAt: Date | null;
}

/** How the last pass of each kind ended that was no dry run, and when one was completed last. */
export const lastPasses = async (db: Queryable): Promise<readonly LastPass[]> => {
  const rows = await db
    .selectFrom('passes')
    .distinctOn('kind')
    .select(({ selectFrom }) => [
      'kind',
      'status',
      selectFrom('passes as done')
        .select((eb) => eb.fn.max('done.ended_at').as('at'))
        .whereRef('done.kind', '=', 'passes.kind')
        .where('done.status', '=', 'completed')
        .where('done.is_dry_run', '=', false)
        .as('completed_at'),
    ])
    .where('status', '<>', 'running')
    .where('is_dry_run', '=', false)
    .orderBy('kind')
    .orderBy('ended_at', 'desc')
    .execute();
  return rows.map(({ kind, status, completed_at: lastCompletedAt }) => ({ kind, status, lastCompletedAt }));
};

/** What the last reconciliation found; nothing before the first. */
export const lastReconciliation = async (db: Queryable): Promise<readonly AccountReport[]> => {
  const row = await db
    .selectFrom('passes')
    .select('report')
    .where('kind', '=', 'reconcile')
    .where('status', '<>', 'running')
    .where('report', 'is not', null)
    .orderBy('started_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return (row?.report as ReconcileReport | undefined)?.accounts ?? [];
};
