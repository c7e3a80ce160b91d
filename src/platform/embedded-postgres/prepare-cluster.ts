import { chown, lchown, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StartupError } from '../startup-error.ts';
import { createCluster } from './create-cluster.ts';
import type { PostgresLog } from './postgres-log.ts';
import { UNFINISHED } from './private-file.ts';
import type { RunnableBinaries } from './runnable-binaries.ts';
import type { ServerAccount } from './server-account.ts';
import { serverPassword } from './server-password.ts';
import type { ClusterPlace } from './spawn-on-cluster.ts';

export interface PrepareClusterOptions extends ClusterPlace {
  binaries: RunnableBinaries;
  log: PostgresLog;
}

/**
 * Makes the cluster where there is none, and otherwise checks that these binaries and this user can serve it. Returns
 * the superuser's password.
 *
 * @throws {StartupError} if it was made by another major version, or is not a cluster.
 */
export async function prepareCluster(options: PrepareClusterOptions): Promise<string> {
  const { account, binaries, dataDirectory, log } = options;
  const directory = dirname(dataDirectory);
  await sweepUnfinished(directory, log);
  const exists = await clusterExists(dataDirectory);
  const password = await serverPassword(directory, exists);
  if (exists) {
    await checkMajorVersion(dataDirectory, binaries.majorVersion);
    if (account !== undefined) await handOver(dataDirectory, account);
  } else {
    log.info({ event: 'postgres_created', directory: dataDirectory }, 'Creating the embedded Postgres');
    await createCluster({ dataDirectory, account, password, initdb: binaries.initdb });
  }
  return password;
}

/** What an interrupted first start left. An initdb that outlived its gateway may still be writing there for a moment. */
async function sweepUnfinished(directory: string, log: PostgresLog): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.includes(UNFINISHED)) continue;
    const path = join(directory, name);
    await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }).catch((error: unknown) =>
      log.warn(
        { event: 'postgres_leftover_kept', err: error, path },
        'An unfinished file of an earlier start cannot be removed',
      ),
    );
  }
}

/** Only a complete cluster ever gets this name; an empty directory, such as a fresh mount, is none yet. */
async function clusterExists(dataDirectory: string): Promise<boolean> {
  const names = await readdir(dataDirectory).catch((error: unknown): string[] => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  });
  if (names.length === 0) return false;
  if (names.includes('PG_VERSION')) return true;
  throw new StartupError(
    `${dataDirectory} holds files but no Postgres cluster: move them away, or set DATA_DIR.`,
  );
}

async function checkMajorVersion(dataDirectory: string, ours: string): Promise<void> {
  const found = /^\d+/.exec(await readFile(join(dataDirectory, 'PG_VERSION'), 'utf8'))?.[0] ?? 'unknown';
  if (found === ours) return;
  throw new StartupError(
    `The cluster in ${dataDirectory} was made by Postgres ${found}, and this Waybill brings Postgres ${ours}: dump it with the Waybill that made it and restore it into a new ${basename(dataDirectory)} directory, or serve it elsewhere and set DATABASE_URL.`,
  );
}

/** Postgres serves only a cluster of its own user; one restored from a backup by root is root's. */
async function handOver(dataDirectory: string, { uid, gid }: ServerAccount): Promise<void> {
  if ((await stat(dataDirectory)).uid === uid) return;
  for (const entry of await readdir(dataDirectory, { recursive: true, withFileTypes: true })) {
    await lchown(join(entry.parentPath, entry.name), uid, gid);
  }
  await chown(dataDirectory, uid, gid);
}
