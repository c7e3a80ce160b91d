import { once } from 'node:events';
import { chown, type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { StartupError } from '../startup-error.ts';
import { SERVER_USER } from './connection-url.ts';
import { syncDirectory, unfinishedName } from './private-file.ts';
import { type ClusterPlace, spawnOnCluster } from './spawn-on-cluster.ts';

export interface CreateClusterOptions extends ClusterPlace {
  initdb: string;
  password: string;
}

/** A slow network disk may take a minute; more is a disk that hangs. */
const INITDB_DEADLINE_MS = 180_000;

/**
 * Text is UTF-8 and sorts by code point on every system: the provider is Postgres itself, so no upgrade of the system's
 * C library changes an order an index was built with. The libc locale, which still wants a name, is the one all have.
 */
const INITDB_ARGUMENTS = [
  `--username=${SERVER_USER}`,
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--no-instructions',
];

/**
 * Makes a cluster. It is made beside `dataDirectory` and renamed when it is complete and synced, so an interrupted
 * attempt leaves nothing there.
 *
 * @throws {StartupError} with initdb's own words if it fails.
 */
export async function createCluster(options: CreateClusterOptions): Promise<void> {
  const { account, dataDirectory } = options;
  const unfinished = unfinishedName(dataDirectory);
  await mkdir(unfinished, { mode: 0o700 });
  try {
    if (account !== undefined) await chown(unfinished, account.uid, account.gid);
    await runInitdb({ ...options, dataDirectory: unfinished });
    await rename(unfinished, dataDirectory);
    await syncDirectory(dirname(dataDirectory));
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
}

async function runInitdb(options: CreateClusterOptions): Promise<void> {
  const { account, password } = options;
  if (account === undefined) {
    await initdb(options, { passwordFile: join(dirname(options.dataDirectory), 'password') });
    return;
  }
  const file = await openNamelessFile(unfinishedName(options.dataDirectory), password);
  try {
    await file.chown(account.uid, account.gid);
    await initdb(options, { passwordFile: '/proc/self/fd/3', extraDescriptor: file.fd });
  } finally {
    await file.close();
  }
}

/** The password for a user who may not walk the path to its file. Without a name it cannot be left behind. */
async function openNamelessFile(path: string, content: string): Promise<FileHandle> {
  const file = await open(path, 'wx+', 0o600);
  await rm(path);
  await file.writeFile(`${content}\n`);
  return file;
}

async function initdb(
  { initdb: program, dataDirectory, account }: CreateClusterOptions,
  { passwordFile, extraDescriptor }: { passwordFile: string; extraDescriptor?: number },
): Promise<void> {
  const child = await spawnOnCluster(program, {
    dataDirectory,
    account,
    args: [...INITDB_ARGUMENTS, `--pwfile=${passwordFile}`],
    ...(extraDescriptor === undefined ? {} : { extraDescriptor }),
  });
  const deadline = setTimeout(() => child.kill('SIGKILL'), INITDB_DEADLINE_MS);
  const [[code, signal], , complaint] = await Promise.all([
    once(child, 'exit'),
    child.stdout === null ? '' : text(child.stdout),
    child.stderr === null ? '' : text(child.stderr),
  ]);
  clearTimeout(deadline);
  if (code === 0) return;
  throw new StartupError(
    `The embedded Postgres cannot create its files in ${dirname(dataDirectory)} (initdb ended with ${code ?? signal}: ${complaint.trim()}): correct that, or set DATABASE_URL.`,
  );
}
