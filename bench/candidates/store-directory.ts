import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** A directory of a candidate's own for its files. */
export const storeIn = async (directory: string, name: string): Promise<string> => {
  const store = join(directory, `store-${name}`);
  await mkdir(store, { recursive: true });
  return store;
};

export const emptyDirectory = async (directory: string): Promise<void> => {
  for (const name of await readdir(directory))
    await rm(join(directory, name), { recursive: true, force: true });
};
