import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartupError } from '../startup-error.ts';
import { writePrivateFile } from './private-file.ts';

const PASSWORD_BYTES = 32;

/**
 * The superuser's password, kept in `<directory>/password`: made where there is no cluster yet, else read.
 *
 * @throws {StartupError} if there is a cluster whose password is lost.
 */
export async function serverPassword(directory: string, clusterExists: boolean): Promise<string> {
  const path = join(directory, 'password');
  const kept = (await readFile(path, 'utf8').catch(absentAsEmpty)).trim();
  if (kept !== '') return kept;
  if (clusterExists) {
    throw new StartupError(
      `The password of the embedded Postgres is missing: restore ${path} from a backup, or set DATABASE_URL.`,
    );
  }
  const password = randomBytes(PASSWORD_BYTES).toString('base64url');
  await writePrivateFile(path, `${password}\n`);
  return password;
}

function absentAsEmpty(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
  throw error;
}
