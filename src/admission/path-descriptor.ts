import { isUtf8 } from 'node:buffer';
import { constants } from 'node:fs';
import { type FileHandle, open, readlink } from 'node:fs/promises';

/**
 * open(2), Linux: the descriptor names a place in the file system and opens nothing, neither a device nor a pipe.
 * The value is that of every architecture that Node has builds for.
 */
const O_PATH = 0o10000000;

/** Names what the path leads to, following symbolic links, without opening it. The caller closes. */
export const openPlace = (path: string): Promise<FileHandle> => open(path, O_PATH);

/** Opens for reading exactly what the place is, whatever has become of its path. The caller closes. */
export const openAt = (place: FileHandle): Promise<FileHandle> =>
  open(linkOf(place), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);

/** The address below which the system keeps a place, for calls that take paths. */
export const linkOf = ({ fd }: FileHandle): string => `/proc/self/fd/${fd}`;

/**
 * The path of a place without any symbolic link, as the system knows it now; null when it has none that is text. What has
 * been deleted keeps its path, with ` (deleted)` at the end of its last name: it stays in the directory that it was in.
 */
export const realPathOf = async (place: FileHandle): Promise<string | null> => {
  const path = await readlink(linkOf(place), { encoding: 'buffer' });
  return isUtf8(path) && path.toString().startsWith('/') ? path.toString() : null;
};

/** Whether this system has what is needed to know where a descriptor leads. */
export const canTellPlaces = async (): Promise<boolean> => {
  if (process.platform !== 'linux') return false;
  try {
    const place = await openPlace('/');
    try {
      return (await realPathOf(place)) === '/';
    } finally {
      await place.close();
    }
  } catch {
    return false;
  }
};
