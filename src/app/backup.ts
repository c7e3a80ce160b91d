import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { BackupProgress, BackupReport } from '../core/backup-report.ts';
import type { BlobStore } from '../core/blob-store.ts';
import { backUp } from '../pipeline/backup.ts';
import { jobKinds } from '../pipeline/job-kinds.ts';
import { restore } from '../pipeline/restore.ts';
import type { Config } from '../platform/config.ts';
import { openDatabase } from '../platform/database.ts';
import { startJobs } from '../platform/jobs.ts';
import { createLogger } from '../platform/log.ts';
import { migrate } from '../platform/migrate.ts';
import { type Closing, createClosing } from './closing.ts';
import { openBlobs } from './open-blobs.ts';
import { openRecord } from './open-record.ts';
import { reachOrExplain } from './reach-or-explain.ts';

interface Asked {
  readonly directory: string;
  readonly onProgress: (progress: BackupProgress) => void;
  readonly signal: AbortSignal;
}

const STOP_GRACE_MS = 5_000;
/** A command says what went wrong by itself. */
const LOG_LEVEL = 'silent';

/** Backs the installation up, whether its gateway runs or not. Closes all that it opens. */
export const backUpInstallation = async (config: Config, asked: Asked): Promise<BackupReport> => {
  const log = createLogger(LOG_LEVEL);
  const closing = createClosing(log);
  try {
    const url = await openRecord(config, { isShared: true, closing, log });
    const schema = config.DATABASE_SCHEMA;
    const database = openDatabase({ url, schema, log });
    closing.add('database', () => database.destroy());
    const blobs = await openBlobsBeside(config, closing);
    return await backUp({ ...asked, url, schema, database, blobs });
  } finally {
    await closing.close();
  }
};

/** Restores a backup into the installation, which must be empty and not running. Closes all that it opens. */
export const restoreInstallation = async (config: Config, asked: Asked): Promise<BackupReport> => {
  const log = createLogger(LOG_LEVEL);
  const closing = createClosing(log);
  try {
    const url = await openRecord(config, { isShared: false, closing, log });
    const schema = config.DATABASE_SCHEMA;
    const database = openDatabase({ url, schema, log });
    closing.add('database', () => database.destroy());
    await reachOrExplain(migrate(database, schema));
    const jobs = await startJobs({ url, schema: `${schema}_jobs`, kinds: jobKinds, log });
    closing.add('jobs', () => jobs.stop(STOP_GRACE_MS));
    const blobs = await openBlobs(config, resolve(config.DATA_DIR));
    closing.add('blobs', () => blobs.close());
    return await restore({ ...asked, database, schema, jobs, blobs });
  } finally {
    await closing.close();
  }
};

/** To read from while a gateway works with them: a bucket's staging directory is one process's, so it is given another. */
const openBlobsBeside = async (config: Config, closing: Closing): Promise<BlobStore> => {
  let directory = resolve(config.DATA_DIR);
  if (config.BLOB_STORE !== 'disk') {
    const temporary = await mkdtemp(join(tmpdir(), 'waybill-backup-'));
    closing.add('staging', () => rm(temporary, { recursive: true, force: true }));
    directory = temporary;
  }
  const blobs = await openBlobs(config, directory);
  closing.add('blobs', () => blobs.close());
  return blobs;
};
