import { readFile, rm, writeFile } from 'node:fs/promises';
import { systemCode } from '../core/errors.ts';

/**
 * A note beside a blob of where its probation begins, durable before a byte on probation is in the file, so that none
 * of them is taken for accepted when the process dies.
 */
export const MARK_SUFFIX = '.accepted';

/** The name is not durable before the directory is synced. */
export const writeMark = (blobPath: string, acceptedBytes: number): Promise<void> =>
  writeFile(blobPath + MARK_SUFFIX, `${acceptedBytes}\n`, { flag: 'wx', mode: 0o600, flush: true });

export const removeMark = (blobPath: string): Promise<void> => rm(blobPath + MARK_SUFFIX, { force: true });

/** How much of the blob is accepted; null when all of it is. */
export const readMark = async (blobPath: string): Promise<number | null> => {
  const text = await readFile(blobPath + MARK_SUFFIX, 'utf8').catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
    return '';
  });
  // One cut short was being written, and then nothing on probation had been yet.
  return /^\d+\n$/u.test(text) ? Number(text) : null;
};
