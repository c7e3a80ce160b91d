import { mkdir, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { BackupProgress, BackupReport } from '../core/backup-report.ts';
import { BlobMissingError, type BlobStore } from '../core/blob-store.ts';
import type { Queryable } from '../platform/database.ts';
import { getFile } from '../tracking/files.ts';
import {
  type RecordSource,
  type RecordTable,
  readSnapshot,
  recordTables,
} from '../tracking/record-export.ts';
import {
  contentPath,
  digestOf,
  type Manifest,
  type ManifestTable,
  readLines,
  writeContent,
  writeLines,
  writeManifest,
} from './backup-layout.ts';

export interface Backup extends RecordSource {
  readonly directory: string;
  readonly database: Queryable;
  /** Only read; a gateway may be using it. */
  readonly blobs: BlobStore;
  readonly onProgress?: (progress: BackupProgress) => void;
  readonly signal: AbortSignal;
}

/** A row of `files`, as the lines of a backup have it. */
export interface FileLine {
  readonly id: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly blob_key: string;
  readonly deleted_at: string | null;
  readonly purged_at: string | null;
}

export const hasContent = ({ deleted_at, purged_at }: FileLine): boolean =>
  deleted_at === null && purged_at === null;

/**
 * Writes the record of one moment, and every content that it names and the directory does not have whole, beside a gateway
 * that goes on working. The manifest comes last, so one that is cut off changes nothing for a restore. Rejects with the
 * signal's reason.
 */
export const backUp = async (backup: Backup): Promise<BackupReport> => {
  const directory = resolve(backup.directory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { takenAt, records, ...written } = await writeRecord(backup, directory);
  const contents = await copyContents(backup, directory, {
    path: join(directory, records, 'files.jsonl'),
    total: written.files,
  });
  const manifest: Manifest = {
    format: 'waybill-backup',
    version: 1,
    recordedAt: takenAt.toISOString(),
    records,
    ...written,
    exceptions: contents.exceptions,
  };
  await writeManifest(directory, manifest);
  await removeOlderRecords(directory, records);
  const exceptions = Object.entries(contents.exceptions);
  return {
    directory,
    recordedAt: manifest.recordedAt,
    files: written.files,
    contents: { copied: contents.copied, copiedBytes: contents.copiedBytes, kept: contents.kept },
    deletedMeanwhile: exceptions.filter(([, fate]) => fate === 'deleted').length,
    damaged: exceptions.flatMap(([id, fate]) => (fate === 'damaged' ? id : [])),
  };
};

const writeRecord = (
  source: RecordSource,
  directory: string,
): Promise<Pick<Manifest, 'records' | 'migrations' | 'tables' | 'files'> & { takenAt: Date }> =>
  readSnapshot(source, async ({ takenAt, migrations, columns, rows }) => {
    const records = `records-${takenAt.toISOString().replace(/[-:.]/gu, '')}-${process.pid}`;
    await mkdir(join(directory, records), { mode: 0o700 });
    let files = 0;
    const write = async (table: RecordTable): Promise<ManifestTable> => {
      const path = join(directory, records, `${table}.jsonl`);
      const count = (line: string): void => {
        if (table === 'files' && hasContent(JSON.parse(line))) files += 1;
      };
      return { columns: await columns(table), ...(await writeLines(path, rows(table), count)) };
    };
    const tables: Partial<Record<RecordTable, ManifestTable>> = {};
    for (const table of recordTables) tables[table] = await write(table);
    return { takenAt, records, migrations, files, tables: tables as Manifest['tables'] };
  });

interface Copied {
  copied: number;
  copiedBytes: number;
  kept: number;
  readonly exceptions: Record<string, 'deleted' | 'damaged'>;
}

const copyContents = async (
  backup: Backup,
  directory: string,
  { path, total }: { readonly path: string; readonly total: number },
): Promise<Copied> => {
  const { onProgress = () => undefined, signal } = backup;
  const copied: Copied = { copied: 0, copiedBytes: 0, kept: 0, exceptions: {} };
  let filesDone = 0;
  let last = '';
  for await (const line of readLines(path)) {
    signal.throwIfAborted();
    const file: FileLine = JSON.parse(line);
    if (!hasContent(file)) continue;
    // Same bytes stand next to each other.
    if (file.sha256 !== last) {
      const fate = await copyContent(backup, directory, file);
      if (fate === 'kept') copied.kept += 1;
      else if (fate === 'copied') {
        copied.copied += 1;
        copied.copiedBytes += file.bytes;
      } else copied.exceptions[file.id] = fate;
      last = fate === 'kept' || fate === 'copied' ? file.sha256 : '';
    }
    filesDone += 1;
    onProgress({ filesDone, filesTotal: total });
  }
  return copied;
};

const copyContent = async (
  { blobs, database, signal }: Backup,
  directory: string,
  file: FileLine,
): Promise<'kept' | 'copied' | 'deleted' | 'damaged'> => {
  const { sha256, bytes: sizeBytes } = file;
  const there = await digestOf(contentPath(directory, sha256));
  if (there?.sha256 === sha256 && there.sizeBytes === sizeBytes) return 'kept';
  const isWhole = await writeContent(
    directory,
    { sha256, sizeBytes },
    blobs.read(file.blob_key, { signal }),
  ).catch((error) => {
    if (error instanceof BlobMissingError) return false;
    throw error;
  });
  if (isWhole) return 'copied';
  const { deletedAt } = await getFile(database, file.id).catch(() => ({ deletedAt: new Date() }));
  return deletedAt === null ? 'damaged' : 'deleted';
};

/** Of earlier backups, and of one that was cut off. */
const removeOlderRecords = async (directory: string, current: string): Promise<void> => {
  for (const name of await readdir(directory)) {
    if (name.startsWith('records-') && name !== current)
      await rm(join(directory, name), { recursive: true, force: true });
  }
};
