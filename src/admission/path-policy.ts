import { type FileHandle, lstat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { GatewayError, systemCode } from '../core/errors.ts';
import { StartupError } from '../platform/startup-error.ts';
import type { DriveMapping } from '../platform/variables.ts';
import { canTellPlaces, linkOf, openAt, openPlace, realPathOf } from './path-descriptor.ts';
import { type LocalFile, localFile } from './path-file.ts';
import { resolvePath } from './path-name.ts';
import { invalidPath, pathNotAllowed } from './path-refusals.ts';
import { openPathRoots, type PathRoots, type PathRootsOptions } from './path-roots.ts';

/** Opens files of this machine for clients, as far as they may be read. */
export interface PathPolicy {
  /**
   * Opens the regular file that a client's text names. The caller closes it. Rejects with `invalid_path`, `path_not_allowed`
   * (outside, in the same words whether or not there is anything, and what cannot be read), `not_found`, `not_a_file`.
   */
  open(text: string): Promise<LocalFile>;
}

export interface PathPolicyOptions extends PathRootsOptions {
  readonly mappings: readonly DriveMapping[];
}

/** Rejects with `StartupError` where paths are allowed and the system cannot tell where a descriptor leads. */
export const openPathPolicy = async ({ mappings, ...options }: PathPolicyOptions): Promise<PathPolicy> => {
  if (options.allowed.length > 0 && !(await canTellPlaces())) {
    const message =
      'ALLOWED_PATHS needs Linux with /proc, where it can be told which file was opened; unset it, or run the gateway there.';
    throw new StartupError(message, { exitCode: 78 });
  }
  const roots = await openPathRoots(options);
  return {
    open: async (text) => {
      const path = resolvePath(text, mappings);
      if (!(await roots.mayHold(path))) throw pathNotAllowed();
      const place = await openPlace(path).catch(async (error) => {
        throw await whyNot(roots, path, error);
      });
      try {
        await judge(roots, place);
        return await localFile(await openAt(place).catch(refuseUnreadable), basename(path));
      } finally {
        await place.close();
      }
    },
  };
};

/** Decides on what has been named, and no longer on any path: this cannot be exchanged any more. */
const judge = async (roots: PathRoots, place: FileHandle): Promise<void> => {
  const real = await realPathOf(place);
  if (real === null || !(await roots.holds(real))) throw pathNotAllowed();
  if ((await place.stat()).isFile()) return;
  const message =
    'The path is not that of a regular file; directories, pipes, sockets and devices are not read.';
  throw new GatewayError('not_a_file', message, { param: 'path' });
};

/**
 * What to say of a path that leads nowhere. A symbolic link on the way may lead outside, where nothing may be told; so it is
 * missing only if it is the first name that an allowed directory does not have.
 */
const whyNot = async (roots: PathRoots, path: string, error: unknown): Promise<GatewayError> => {
  const code = systemCode(error) ?? '';
  if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(code)) return pathNotAllowed(error);
  const parent = await openDirectory(dirname(path));
  if (parent === null) return path === '/' ? pathNotAllowed(error) : whyNot(roots, dirname(path), error);
  try {
    const real = await realPathOf(parent);
    if (real === null || !(await roots.holds(join(real, basename(path))))) return pathNotAllowed(error);
    const isLink = await lstat(join(linkOf(parent), basename(path))).then(
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

const openDirectory = async (path: string): Promise<FileHandle | null> => {
  try {
    // The slash demands a directory.
    return await openPlace(path === '/' ? path : `${path}/`);
  } catch {
    return null;
  }
};

const refuseUnreadable = (error: unknown): never => {
  throw ['EACCES', 'EPERM'].includes(systemCode(error) ?? '') ? pathNotAllowed(error) : error;
};
