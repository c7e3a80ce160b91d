import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Config } from '../platform/config.ts';
import { settleDatabaseUrl } from '../platform/database-url.ts';
import { DirectoryInUseError, lockDirectory } from '../platform/directory-lock.ts';
import { startEmbeddedPostgres } from '../platform/embedded-postgres/embedded-postgres.ts';
import type { Logger } from '../platform/log.ts';
import { StartupError } from '../platform/startup-error.ts';
import type { Closing } from './closing.ts';
import { reachOrExplain } from './reach-or-explain.ts';

/**
 * The address of the gateway's database, for a command on its machine: as configured, else the embedded one, which is
 * started when no gateway runs it. `isShared` allows that one does.
 */
export const openRecord = async (
  { DATA_DIR, DATABASE_URL }: Pick<Config, 'DATA_DIR' | 'DATABASE_URL'>,
  { isShared, closing, log }: { isShared: boolean; closing: Closing; log: Logger },
): Promise<string> => {
  const dataDirectory = resolve(DATA_DIR);
  try {
    const lock = lockDirectory(dataDirectory);
    closing.add('lock', () => lock.release());
  } catch (error) {
    if (!isShared || !(error instanceof DirectoryInUseError)) throw error;
    return DATABASE_URL === undefined
      ? await runningUrl(dataDirectory)
      : await reachOrExplain(settleDatabaseUrl(DATABASE_URL));
  }
  if (DATABASE_URL !== undefined) return await reachOrExplain(settleDatabaseUrl(DATABASE_URL));
  const postgres = await startEmbeddedPostgres({ directory: join(dataDirectory, 'postgres'), log });
  closing.add('postgres', () => postgres.stop());
  return postgres.url;
};

const runningUrl = async (dataDirectory: string): Promise<string> => {
  try {
    return (await readFile(join(dataDirectory, 'postgres/postgres-url'), 'utf8')).trim();
  } catch (error) {
    const message = `The gateway on ${dataDirectory} is only just starting: try again in a moment.`;
    throw new StartupError(message, { cause: error });
  }
};
