import type { FileHandle } from 'node:fs/promises';
import type { PathRoots } from './path-roots.ts';

/** A regular file that may be read, open for it. */
interface OpenedPath {
  /** Whoever asked for it closes it. */
  readonly handle: FileHandle;
  /** Without any symbolic link. */
  readonly realPath: string;
}

/**
 * Opens what an absolute path leads to, if that is a regular file that `roots` hold. Rejects with `path_not_allowed`,
 * `not_found`, `not_a_file` and `invalid_path`, and leaves nothing open then.
 */
export type OpenPath = (path: string, roots: PathRoots) => Promise<OpenedPath>;
