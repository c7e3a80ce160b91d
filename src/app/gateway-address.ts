import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../core/errors.ts';

/** Where the gateway of a data directory listens, for this machine, whatever port it got. */
const pathIn = (dataDirectory: string): string => join(dataDirectory, 'gateway-url');

/** Null when no gateway has said so since the directory was taken last. One that was killed leaves its address. */
export const readAddress = async (dataDirectory: string): Promise<string | null> => {
  try {
    return (await readFile(pathIn(dataDirectory), 'utf8')).trim() || null;
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return null;
    throw error;
  }
};

/** To be called by whoever has the directory. */
export const publishAddress = (dataDirectory: string, url: string): Promise<void> =>
  writeFile(pathIn(dataDirectory), url, { mode: 0o600 });

/** To be called by whoever has the directory, before anything else: what is there is of somebody who has gone. */
export const clearAddress = (dataDirectory: string): Promise<void> =>
  rm(pathIn(dataDirectory), { force: true });
