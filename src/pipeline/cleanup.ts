import { type CleanupReport, NOTHING_REMOVED, type RemovalCounts } from '../core/cleanup-report.ts';
import { refuseRemoval } from '../lifecycle/retention-guard.ts';
import { cronPeriodMs } from '../platform/cron-period.ts';
import { type Queryable, transact } from '../platform/database.ts';
import { markDeliveriesDeleting } from '../tracking/delivery-removals.ts';
import { lockFiles } from '../tracking/files.ts';
import {
  countLeftovers,
  deleteAuditRows,
  deleteIdempotencyKeys,
  deletePasses,
  deleteTombstones,
  listTombstones,
} from '../tracking/leftovers.ts';
import type { PassEnd, TrackedPass } from '../tracking/passes.ts';
import { releaseExpiredReservations } from '../tracking/quotas.ts';
import { isUnreconciled } from '../tracking/restored.ts';
import {
  countDue,
  countLiveFiles,
  type DuePlace,
  type EndedBy,
  endings,
  listDue,
  lockQuotas,
  markDueDeleted,
  readWitness,
} from '../tracking/retention.ts';
import { deleteEndedUploadUrls } from '../tracking/upload-urls.ts';
import type { Dependencies } from './dependencies.ts';
import { UNRECONCILED } from './hold-removals.ts';
import { retireJob } from './job-kinds.ts';
import { countOldBlobs, sweepOldBlobs } from './sweep-blobs.ts';
import { KEEP_ENDED_MS } from './upload-urls.ts';

/** Long enough to be quick, short enough that nobody waits for the rows that it locks. */
const FILES_AT_ONCE = 200;
const ROWS_AT_ONCE = 1_000;

export interface Cleaning {
  readonly dependencies: Dependencies;
  readonly pass: Pick<TrackedPass, 'isDryRun' | 'isForced' | 'report' | 'runs'>;
  /** Gives up abandoned uploads, at most a thousand. */
  expireUploads(): Promise<number>;
  /** Records in a transaction how far the pass has come. Rejects when the pass is another run's by now. */
  save(db: Queryable, report: CleanupReport): Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Removes what has ended: files by retention, as `DELETE` does, and leftovers of all kinds. Every batch commits with the
 * report of what it removed, so that a run that follows one which died goes on counting. Rejects with the signal's reason.
 */
export const cleanUp = async (cleaning: Cleaning): Promise<PassEnd> => {
  const { pass, dependencies } = cleaning;
  const { retention, refusal } = await look(cleaning);
  const earlier = pass.report as CleanupReport | null;
  const report: CleanupReport = {
    retention,
    removed: earlier?.removed ?? NOTHING_REMOVED,
    takeovers: pass.runs - 1,
  };
  if (refusal !== null && !pass.isForced) return { status: 'stopped', message: refusal, report };
  if (!pass.isDryRun && (await isUnreconciled(dependencies.database)))
    return { status: 'stopped', message: UNRECONCILED, report };
  if (pass.isDryRun)
    return {
      status: 'completed',
      message: null,
      report: { ...report, removed: await foresee(cleaning, report) },
    };
  // The first report of the pass: from here on a run that takes over goes by it.
  await cleaning.save(dependencies.database, report);
  const afterFiles = await removeDueFiles(cleaning, report);
  return { status: 'completed', message: null, report: await removeLeftovers(cleaning, afterFiles) };
};

/** What is due, and why it is not to be removed. What a run before has begun is not judged by what it left. */
const look = async ({
  dependencies: { database, retention },
  pass,
}: Cleaning): Promise<{ retention: CleanupReport['retention']; refusal: string | null }> => {
  const begun = pass.report as CleanupReport | null;
  if (begun !== null) return { retention: begun.retention, refusal: null };
  const days = retention?.days ?? 0;
  const { now, witnessedAt } = await readWitness(database);
  const due = await countDue(database, { days, before: witnessedAt });
  const found = {
    liveFiles: await countLiveFiles(database),
    dueFiles: due.files,
    unexpectedFiles: due.before,
  };
  const periodMs = retention === undefined ? 0 : cronPeriodMs(retention.cleanupCron, now);
  return {
    retention: { days, ...found, dueBytes: due.bytes },
    refusal: refuseRemoval({ now, witnessedAt, ...found }, { periodMs }),
  };
};

const foresee = async ({ dependencies }: Cleaning, { retention }: CleanupReport): Promise<RemovalCounts> => ({
  ...(await countLeftovers(dependencies.database, { uploadUrlsAfterMs: KEEP_ENDED_MS })),
  blobs: await countOldBlobs(dependencies),
  files: retention.dueFiles,
  bytes: retention.dueBytes,
});

const removeDueFiles = async (cleaning: Cleaning, begun: CleanupReport): Promise<CleanupReport> => {
  const { dependencies, signal } = cleaning;
  const { days } = begun.retention;
  let report = begun;
  for (const endedBy of endings(days)) {
    let after: DuePlace | null = null;
    while (true) {
      signal.throwIfAborted();
      const page: readonly DuePlace[] = await listDue(dependencies.database, {
        endedBy,
        days,
        after,
        limit: FILES_AT_ONCE,
      });
      const last = page.at(-1);
      if (last === undefined) break;
      const ids = page.map(({ id }) => id);
      report = await removeFiles(cleaning, report, { endedBy, days, ids });
      after = last;
    }
  }
  return report;
};

/** A deletion as `deleteFile` makes one, of many at a time. */
const removeFiles = async (
  { dependencies: { database, jobs, changes, log }, save }: Cleaning,
  report: CleanupReport,
  { endedBy, days, ids }: { endedBy: EndedBy; days: number; ids: readonly string[] },
): Promise<CleanupReport> => {
  const { gone, saved } = await transact(database, async (trx) => {
    const locked = await lockFiles(trx, ids);
    await lockQuotas(trx, [...new Set([...locked.values()].map(({ owner }) => owner))]);
    const gone = await markDueDeleted(trx, ids, { endedBy, days });
    const fileIds = gone.map(({ id }) => id);
    await markDeliveriesDeleting(trx, fileIds);
    await jobs.sendEach(
      trx,
      retireJob,
      fileIds.map((fileId) => ({ fileId })),
    );
    const bytes = gone.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const saved = adding(report, { files: gone.length, bytes });
    await save(trx, saved);
    return { gone, saved };
  });
  for (const { id, owner } of gone) {
    changes.announce(id, owner);
    log.info({ event: 'file_ended', file: id, owner, by: endedBy });
  }
  return saved;
};

type LeftoverKind = Exclude<keyof RemovalCounts, 'files' | 'bytes'>;

const removeLeftovers = async (cleaning: Cleaning, begun: CleanupReport): Promise<CleanupReport> => {
  const { dependencies, expireUploads, save, signal } = cleaning;
  const { database } = dependencies;
  let report = begun;
  const add = async (kind: LeftoverKind, count: number): Promise<void> => {
    report = adding(report, { [kind]: count });
    if (count > 0) await save(database, report);
  };
  /** Removes batch by batch, each with the report that counts it. */
  const drain = async (kind: LeftoverKind, remove: (trx: Queryable) => Promise<number>): Promise<void> => {
    for (let removed = 1; removed > 0; ) {
      signal.throwIfAborted();
      const saved = await transact(database, async (trx) => {
        removed = await remove(trx);
        const more = adding(report, { [kind]: removed });
        if (removed > 0) await save(trx, more);
        return more;
      });
      report = saved;
    }
  };
  // What each gateway also does now and again by itself, since room is waited for.
  await add('uploads', await expireUploads());
  await add('reservations', await transact(database, releaseExpiredReservations));
  await add('uploadUrls', await deleteEndedUploadUrls(database, KEEP_ENDED_MS));
  await add('blobs', await sweepOldBlobs(dependencies));
  await drain('idempotencyKeys', (trx) => deleteIdempotencyKeys(trx, ROWS_AT_ONCE));
  await drain('auditRows', (trx) => deleteAuditRows(trx, ROWS_AT_ONCE));
  await drain('passes', (trx) => deletePasses(trx, ROWS_AT_ONCE));
  while (true) {
    signal.throwIfAborted();
    const tombstones = await listTombstones(database, FILES_AT_ONCE);
    if (tombstones.length === 0) return report;
    // Once more, should a crash have come between the last copy and the blob.
    for (const { blobKey } of tombstones) await dependencies.blobs.remove(blobKey);
    const counted = adding(report, { tombstones: tombstones.length });
    await transact(database, async (trx) => {
      await deleteTombstones(
        trx,
        tombstones.map(({ id }) => id),
      );
      await save(trx, counted);
    });
    report = counted;
  }
};

const adding = (report: CleanupReport, more: Partial<RemovalCounts>): CleanupReport => {
  const entries = Object.entries(report.removed).map(([kind, count]) => [
    kind,
    count + (more[kind as keyof RemovalCounts] ?? 0),
  ]);
  return { ...report, removed: Object.fromEntries(entries) as RemovalCounts & Record<string, number> };
};
