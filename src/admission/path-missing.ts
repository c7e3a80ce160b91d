import { lstat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { GatewayError, systemCode } from '../core/errors.ts';
import { invalidPath, pathNotAllowed } from './path-refusals.ts';
import type { PathRoots } from './path-roots.ts';

/** A directory on the way to a path, known for what it is. */
export interface KnownDirectory {
  /** Null when it has none that is text. */
  readonly realPath: string | null;
  /** The address below which its entries are looked at. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * What to say of a path that leads nowhere. A symbolic link on the way may lead outside, where nothing may be told; so it is
 * missing only if it is the first name that an allowed directory does not have. `openDirectory` answers with null for what
 * is no directory that can be reached.
 */
export const whyMissing = async (
  path: string,
  error: unknown,
  {
    roots,
    openDirectory,
  }: { roots: PathRoots; openDirectory: (path: string) => Promise<KnownDirectory | null> },
): Promise<GatewayError> => {
  const code = systemCode(error) ?? '';
  if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(code)) return pathNotAllowed(error);
  const parent = await openDirectory(dirname(path));
  if (parent === null) {
    return path === '/' ? pathNotAllowed(error) : whyMissing(dirname(path), error, { roots, openDirectory });
  }
  try {
    const { realPath, address } = parent;
    if (realPath === null || !(await roots.holds(join(realPath, basename(path))))) {
      return pathNotAllowed(error);
    }
    const isLink = await lstat(join(address, basename(path))).then(
      (found) => found.isSymbolicLink(),
      () => false,
    );
    if (!isLink) return new GatewayError('not_found', 'There is no file at this path.', { param: 'path' });
    return code === 'ELOOP'
      ? invalidPath('The path leads in a circle of symbolic links.')
      : pathNotAllowed(error);
  } finally {
    await parent.close();
  }
};
