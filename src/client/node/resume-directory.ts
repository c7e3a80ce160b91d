import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../core/errors.ts';
import type { ResumeStore } from '../resume-store.ts';

/** Longer than any gateway keeps an upload that nobody goes on with. */
const STALE_MS = 7 * 86_400_000;

/**
 * Remembers uploads in a directory, one small file each, for their owner's eyes only. The directory is made when it is
 * needed; what has not been touched for a week goes when something is added. Several processes may share it.
 */
export const createResumeDirectory = (directory: string): ResumeStore => {
  const pathOf = (key: string): string => {
    if (/^[\w-]{1,128}$/u.test(key)) return join(directory, key);
    throw new TypeError('A key has letters, digits, - and _ only.');
  };
  return {
    get: async (key) => {
      try {
        return await readFile(pathOf(key), 'utf8');
      } catch (error) {
        if (systemCode(error) === 'ENOENT') return null;
        throw error;
      }
    },
    set: async (key, uploadUrl) => {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await removeStale(directory);
      const unfinished = `${pathOf(key)}.${randomBytes(6).toString('hex')}`;
      try {
        await writeFile(unfinished, uploadUrl, { mode: 0o600, flag: 'wx' });
        await rename(unfinished, pathOf(key));
      } catch (error) {
        await rm(unfinished, { force: true });
        throw error;
      }
    },
    delete: async (key) => await rm(pathOf(key), { force: true }),
  };
};

const removeStale = async (directory: string): Promise<void> => {
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const isOurs = /^[\da-f]{64}(\.[\da-f]{12})?$/u.test(name);
    // Another process may be quicker.
    const found = isOurs ? await stat(path).catch(() => null) : null;
    if (found !== null && Date.now() - found.mtimeMs > STALE_MS) await rm(path, { force: true });
  }
};
