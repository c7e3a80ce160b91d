import type { FileHandle } from 'node:fs/promises';
import { linkOf, openAt, openPlace, realPathOf } from './path-descriptor.ts';
import { type KnownDirectory, whyMissing } from './path-missing.ts';
import type { OpenPath } from './path-opening.ts';
import { notAFile, pathNotAllowed, refuseUnreadable } from './path-refusals.ts';
import type { PathRoots } from './path-roots.ts';

/** Uses the path once, to get hold of what it leads to; what is judged and opened then cannot be exchanged any more. */
export const openByDescriptor: OpenPath = async (path, roots) => {
  const place = await openPlace(path).catch(async (error) => {
    throw await whyMissing(path, error, { roots, openDirectory });
  });
  try {
    const realPath = await judge(roots, place);
    return { handle: await openAt(place).catch(refuseUnreadable), realPath };
  } finally {
    await place.close();
  }
};

/** Decides on what has been named, and no longer on any path. */
const judge = async (roots: PathRoots, place: FileHandle): Promise<string> => {
  const real = await realPathOf(place);
  if (real === null || !(await roots.holds(real))) throw pathNotAllowed();
  if ((await place.stat()).isFile()) return real;
  throw notAFile();
};

const openDirectory = async (path: string): Promise<KnownDirectory | null> => {
  try {
    // The slash demands a directory.
    const place = await openPlace(path === '/' ? path : `${path}/`);
    return { realPath: await realPathOf(place), address: linkOf(place), close: () => place.close() };
  } catch {
    return null;
  }
};
