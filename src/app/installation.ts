import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../core/errors.ts';

/** The name of this installation, made at its first start and kept in the data directory. */
export const installationName = async (dataDirectory: string): Promise<string> => {
  const path = join(dataDirectory, 'installation');
  try {
    await writeFile(path, randomUUID(), { flag: 'wx', mode: 0o600, flush: true });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  return (await readFile(path, 'utf8')).trim();
};
