import { basename } from 'node:path';
import { StartupError } from '../platform/startup-error.ts';
import type { DriveMapping } from '../platform/variables.ts';
import { openByDescriptor } from './path-by-descriptor.ts';
import { openByName } from './path-by-name.ts';
import { canTellPlaces } from './path-descriptor.ts';
import { type LocalFile, localFile } from './path-file.ts';
import { resolvePath } from './path-name.ts';
import type { OpenPath } from './path-opening.ts';
import { pathNotAllowed } from './path-refusals.ts';
import { openPathRoots, type PathRootsOptions } from './path-roots.ts';

/** Opens files of this machine for clients, as far as they may be read. */
export interface PathPolicy {
  /**
   * Opens the regular file that a client's text names. The caller closes it. Rejects with `invalid_path`, `path_not_allowed`
   * (outside, in the same words whether or not there is anything, and what cannot be read), `not_found`, `not_a_file`.
   */
  open(text: string): Promise<LocalFile>;
}

/**
 * How it is told which file has been opened: `descriptor` asks the system, so that nothing can be exchanged meanwhile, and
 * needs Linux; `portable` does where it can, and elsewhere compares names and files, for whom only its own user can trick.
 */
export type PathCheck = 'descriptor' | 'portable' | 'names';

export interface PathPolicyOptions extends PathRootsOptions {
  readonly mappings: readonly DriveMapping[];
  /** Default `descriptor`. */
  readonly check?: PathCheck;
}

/** Rejects with `StartupError` where paths are allowed and the system cannot do the check. */
export const openPathPolicy = async ({
  mappings,
  check = 'descriptor',
  ...options
}: PathPolicyOptions): Promise<PathPolicy> => {
  const openPath = options.allowed.length === 0 ? refuse : await openerOf(check);
  const roots = await openPathRoots(options);
  return {
    open: async (text) => {
      const path = resolvePath(text, mappings);
      if (!(await roots.mayHold(path))) throw pathNotAllowed();
      const { handle, realPath } = await openPath(path, roots);
      return localFile(handle, { name: basename(path), path: realPath });
    },
  };
};

const refuse: OpenPath = async () => {
  throw pathNotAllowed();
};

const openerOf = async (check: PathCheck): Promise<OpenPath> => {
  if (check !== 'names' && (await canTellPlaces())) return openByDescriptor;
  if (check !== 'descriptor' && process.platform !== 'win32') return openByName;
  const message =
    check === 'descriptor'
      ? 'ALLOWED_PATHS needs Linux with /proc, where it can be told which file was opened; unset it, or run the gateway there.'
      : 'ALLOWED_PATHS cannot be used on Windows itself; run this in the Windows Subsystem for Linux.';
  throw new StartupError(message, { exitCode: 78 });
};
