import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, globSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { spawnWaybill } from './run-waybill.ts';
import { until } from './until.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Removed by the next `npm ci`. */
const CACHE = join(ROOT, 'node_modules/.cache/waybill');

/**
 * Makes `directory`, the `postgres` of a data directory, as the first start of a gateway leaves it: a cluster with the
 * migrated tables, empty. Making a cluster takes twice the work of the rest of a start, so it is made once and copied. On Windows
 * nothing is made, and the start makes its own.
 */
export const preparePostgres = async (directory: string): Promise<void> => {
  if (process.platform === 'win32') return;
  const prepared = join(CACHE, `postgres-${await keyOfWhatItIsMadeFrom()}`);
  if (!existsSync(prepared)) await prepare(prepared);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // Keeps the owner, who is another than root where root runs the tests.
  await promisify(execFile)('cp', ['-a', join(prepared, 'data'), join(prepared, 'password'), directory]);
};

const keyOfWhatItIsMadeFrom = async (): Promise<string> => {
  const hash = createHash('sha256');
  for (const path of ['package-lock.json', ...globSync('migrations/*.sql', { cwd: ROOT }).sort()]) {
    hash.update(path).update(await readFile(join(ROOT, path)));
  }
  return hash.digest('hex').slice(0, 16);
};

/** Under its own name only once it is whole, since several test files may want it at once. */
const prepare = async (prepared: string): Promise<void> => {
  await mkdir(CACHE, { recursive: true });
  const home = await mkdtemp(`${prepared}-`);
  try {
    await startOnce(home);
    await rename(join(home, 'data/postgres'), prepared).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
};

const startOnce = async (home: string): Promise<void> => {
  const child = spawnWaybill(['serve'], { cwd: home, env: { PORT: '0', DATA_DIR: join(home, 'data') } });
  const exited = once(child, 'exit');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const isReady = (): boolean => child.exitCode !== null || output.includes('curl ');
  await until('the first start', isReady, { deadlineMs: 50_000 });
  child.kill('SIGTERM');
  await exited;
  if (child.exitCode !== 0) throw new Error(`The first start failed: ${output}`);
};
