import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** The sizes in bytes of the files under a data directory's blobs, those of uploads still running included. */
export const blobSizes = async (dataDir: string): Promise<readonly number[]> => {
  const entries = await readdir(join(dataDir, 'blobs'), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Promise.all(files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size));
};
