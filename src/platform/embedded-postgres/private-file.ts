import { randomBytes } from 'node:crypto';
import { open, rename } from 'node:fs/promises';

/** What the name of every unfinished file or directory contains, so that leftovers can be swept. */
export const UNFINISHED = '.tmp-';

/** A name beside `path` for something unfinished that will be renamed to `path`. */
export function unfinishedName(path: string): string {
  return `${path}${UNFINISHED}${randomBytes(6).toString('hex')}`;
}

/** Writes a file only its owner can read; after a crash it has its old content or the new, never a part. */
export async function writePrivateFile(path: string, content: string): Promise<void> {
  const unfinished = unfinishedName(path);
  const file = await open(unfinished, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, path);
}

/** Makes renames inside `directory` survive a power cut. Windows has no such call and needs none. */
export async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
