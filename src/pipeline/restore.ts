import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join, resolve } from 'node:path';
import type { BackupProgress, BackupReport } from '../core/backup-report.ts';
import { BlobMissingError, type BlobStore } from '../core/blob-store.ts';
import { type Queryable, transact } from '../platform/database.ts';
import type { Jobs } from '../platform/jobs.ts';
import { StartupError } from '../platform/startup-error.ts';
import { markDeliveriesDeleting } from '../tracking/delivery-removals.ts';
import { markFilePurged } from '../tracking/files.ts';
import { recordTables } from '../tracking/record-export.ts';
import {
  appliedMigrations,
  chargeOwners,
  insertRecord,
  isRecordEmpty,
  lockEmptyRecord,
  markDeleted,
  releaseSenders,
  unsettledCopies,
} from '../tracking/record-import.ts';
import { markRestored } from '../tracking/restored.ts';
import { type FileLine, hasContent } from './backup.ts';
import { contentPath, digestOf, type Manifest, readLines, readManifest } from './backup-layout.ts';
import type { Dependencies } from './dependencies.ts';
import { deliverJob, evictJob, retireJob, settleJob } from './job-kinds.ts';

export interface Restore {
  readonly directory: string;
  /** Migrated, and used by nobody else. */
  readonly database: Dependencies['database'];
  readonly schema: string;
  readonly blobs: BlobStore;
  readonly jobs: Pick<Jobs, 'sendEach'>;
  readonly onProgress?: (progress: BackupProgress) => void;
  readonly signal: AbortSignal;
}

const ROWS_AT_ONCE = 1_000;

/**
 * Fills an empty installation from a backup: first the contents, each held against its hash, then the whole record in one
 * transaction. What is cut off before that leaves the record empty, and the next run, or a start, collects the contents.
 * Nothing is removed at a provider by the restored record until it has been reconciled. Rejects with `StartupError` when
 * the installation is not empty or the backup not whole or too new.
 */
export const restore = async (options: Restore): Promise<BackupReport> => {
  const { database, schema, blobs } = options;
  const directory = resolve(options.directory);
  const manifest = await readManifest(directory);
  if (!(await isRecordEmpty(database))) throw notEmpty();
  await refuseStrangers(manifest, await appliedMigrations(database, schema));
  await verifyRecords(directory, manifest);
  // What a run that was cut off has left.
  await blobs.sweep(async () => new Map());
  const contents = await restoreContents(options, directory, manifest);
  await transact(database, (trx) => restoreRecord(trx, options, directory, manifest));
  for await (const file of filesOf(directory, manifest)) await blobs.keep(file.blob_key);
  const fates = Object.entries(manifest.exceptions);
  return {
    directory,
    recordedAt: manifest.recordedAt,
    files: manifest.files,
    contents,
    deletedMeanwhile: fates.filter(([, fate]) => fate === 'deleted').length,
    damaged: fates.flatMap(([id, fate]) => (fate === 'damaged' ? id : [])),
  };
};

const notEmpty = (): StartupError =>
  new StartupError(
    'This installation has files already: restore into an empty one, with another DATA_DIR or DATABASE_URL.',
  );

const refuseStrangers = async ({ migrations }: Manifest, applied: readonly string[]): Promise<void> => {
  const unknown = migrations.find((name) => !applied.includes(name));
  if (unknown === undefined) return;
  throw new StartupError(
    `The backup was made by a newer version (${unknown}): restore it with that version or a later one.`,
  );
};

const verifyRecords = async (directory: string, { records, tables }: Manifest): Promise<void> => {
  for (const table of recordTables) {
    const path = join(directory, records, `${table}.jsonl`);
    if ((await digestOf(path))?.sha256 !== tables[table].sha256) throw damaged(path);
  }
};

const damaged = (path: string): StartupError =>
  new StartupError(`${path} is not what the backup wrote: use another copy of the backup.`);

/** The files that have a content in the backup, same bytes next to each other. */
async function* filesOf(
  directory: string,
  { records, exceptions }: Manifest,
): AsyncGenerator<FileLine, void, void> {
  for await (const line of readLines(join(directory, records, 'files.jsonl'))) {
    const file: FileLine = JSON.parse(line);
    if (hasContent(file) && exceptions[file.id] === undefined) yield file;
  }
}

const restoreContents = async (
  { blobs, onProgress = () => undefined, signal }: Restore,
  directory: string,
  manifest: Manifest,
): Promise<BackupReport['contents']> => {
  const done = { copied: 0, copiedBytes: 0, kept: 0 };
  let filesDone = 0;
  let twin: FileLine | null = null;
  for await (const file of filesOf(directory, manifest)) {
    signal.throwIfAborted();
    if (await isWhole(blobs, file, signal)) {
      done.kept += 1;
      twin = file;
    } else if (twin?.sha256 === file.sha256) {
      await blobs.copy(twin.blob_key, file.blob_key);
      done.kept += 1;
    } else {
      await restoreContent(blobs, directory, file);
      done.copied += 1;
      done.copiedBytes += file.bytes;
      twin = file;
    }
    filesDone += 1;
    onProgress({ filesDone, filesTotal: manifest.files });
  }
  return done;
};

/** Whether the store has it already: a record may be lost and its blobs not. */
const isWhole = async (blobs: BlobStore, file: FileLine, signal: AbortSignal): Promise<boolean> => {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  try {
    for await (const chunk of blobs.read(file.blob_key, { signal })) {
      hash.update(chunk);
      sizeBytes += chunk.length;
    }
  } catch (error) {
    if (error instanceof BlobMissingError) return false;
    throw error;
  }
  if (sizeBytes === file.bytes && hash.digest('hex') === file.sha256) return true;
  await blobs.remove(file.blob_key);
  return false;
};

const restoreContent = async (blobs: BlobStore, directory: string, file: FileLine): Promise<void> => {
  const path = contentPath(directory, file.sha256);
  const writer = await blobs.create(file.blob_key);
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 18 })) await writer.write(chunk);
    const { sizeBytes, sha256 } = await writer.commit();
    if (sizeBytes === file.bytes && sha256 === file.sha256) return;
  } catch (error) {
    await writer.abort();
    throw Object.assign(damaged(path), { cause: error });
  }
  await blobs.remove(file.blob_key);
  throw damaged(path);
};

const restoreRecord = async (
  trx: Queryable,
  { schema, jobs }: Restore,
  directory: string,
  { records, tables, exceptions }: Manifest,
): Promise<void> => {
  if (!(await lockEmptyRecord(trx, schema))) throw notEmpty();
  for (const table of recordTables) {
    const { columns } = tables[table];
    let lines: string[] = [];
    for await (const line of readLines(join(directory, records, `${table}.jsonl`))) {
      lines.push(line);
      if (lines.length === ROWS_AT_ONCE) await insertRecord(trx, { schema, table, columns }, lines.splice(0));
    }
    if (lines.length > 0) await insertRecord(trx, { schema, table, columns }, lines);
    lines = [];
  }
  await chargeOwners(trx, schema);
  await releaseSenders(trx);
  const fates = Object.entries(exceptions);
  const deleted = fates.flatMap(([id, fate]) => (fate === 'deleted' ? id : []));
  if (deleted.length > 0) {
    await markDeleted(trx, deleted);
    await markDeliveriesDeleting(trx, deleted);
  }
  for (const [id, fate] of fates) if (fate === 'damaged') await markFilePurged(trx, id);
  await resumeCopies(trx, jobs);
  await markRestored(trx);
};

/** The queue is not part of a backup: what waited in it follows from the record. */
const resumeCopies = async (trx: Queryable, jobs: Restore['jobs']): Promise<void> => {
  let after: string | null = null;
  while (true) {
    const page: Awaited<ReturnType<typeof unsettledCopies>> = await unsettledCopies(trx, after, ROWS_AT_ONCE);
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.id;
    const byStatus = Map.groupBy(page, ({ status }) => status);
    const copies = (status: 'processing' | 'evicted') =>
      (byStatus.get(status) ?? []).map(({ id }) => ({ deliveryId: id }));
    for (const [provider, waiting] of Map.groupBy(byStatus.get('pending') ?? [], (copy) => copy.provider)) {
      const data = waiting.map(({ id }) => ({ deliveryId: id }));
      await jobs.sendEach(trx, deliverJob(provider), data);
    }
    await jobs.sendEach(trx, settleJob, copies('processing'));
    await jobs.sendEach(trx, evictJob, copies('evicted'));
    const files = new Set((byStatus.get('deleting') ?? []).map(({ file_id }) => file_id));
    await jobs.sendEach(
      trx,
      retireJob,
      [...files].map((fileId) => ({ fileId })),
    );
  }
};
