import { constants } from 'node:fs';
import { type FileHandle, lstat, open, realpath } from 'node:fs/promises';
import { type KnownDirectory, whyMissing } from './path-missing.ts';
import type { OpenPath } from './path-opening.ts';
import { notAFile, pathNotAllowed, refuseUnreadable } from './path-refusals.ts';
import type { PathRoots } from './path-roots.ts';

/**
 * Opens the real path, and then looks whether the path still leads there and what is there is what was opened. Somebody who
 * exchanges a directory for a link, and it back, just in time on both sides of the opening is not noticed: good enough
 * where who could do that is the one who asks, and to be used only where the system cannot tell what a descriptor is.
 */
export const openByName: OpenPath = async (path, roots) => {
  const real = await realpath(path).catch(async (error) => {
    throw await whyMissing(path, error, { roots, openDirectory });
  });
  if (!(await roots.holds(real))) throw pathNotAllowed();
  // Before it is opened, since opening a pipe or a device has effects.
  if (!(await lstat(real).catch(refuseExchanged)).isFile()) throw notAFile();
  const handle = await open(
    real,
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY,
  ).catch(refuseUnreadable);
  try {
    await judge(handle, { path, real, roots });
    return { handle, realPath: real };
  } catch (error) {
    await handle.close();
    throw error;
  }
};

const judge = async (
  handle: FileHandle,
  { path, real, roots }: { path: string; real: string; roots: PathRoots },
): Promise<void> => {
  const opened = await handle.stat({ bigint: true });
  const realNow = await realpath(path).catch(refuseExchanged);
  const found = await lstat(realNow, { bigint: true }).catch(refuseExchanged);
  const isThere = realNow === real && found.dev === opened.dev && found.ino === opened.ino;
  if (!isThere || !opened.isFile() || !(await roots.holds(realNow))) throw pathNotAllowed();
};

const refuseExchanged = (error: unknown): never => {
  throw pathNotAllowed(error);
};

const openDirectory = async (path: string): Promise<KnownDirectory | null> => {
  try {
    // The slash demands a directory.
    const realPath = await realpath(path === '/' ? path : `${path}/`);
    return { realPath, address: realPath, close: async () => undefined };
  } catch {
    return null;
  }
};
