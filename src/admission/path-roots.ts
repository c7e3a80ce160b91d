import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { systemCode } from '../core/errors.ts';
import { StartupError } from '../platform/startup-error.ts';
import { isWithin, toSegments } from './path-segments.ts';

/** Which paths may be read: those below the allowed directories, and not the gateway's own. */
export interface PathRoots {
  /** By its text alone, so that nothing outside is touched to find out. */
  mayHold(path: string): Promise<boolean>;
  /** By the path that the system gives for what has been opened. */
  holds(realPath: string): Promise<boolean>;
}

export interface PathRootsOptions {
  /** Absolute directories. One that is not there is looked for again whenever a path is asked for. */
  readonly allowed: readonly string[];
  /** Exists. Never readable, wherever it lies. */
  readonly dataDirectory: string;
}

/** File systems whose files are doors into the kernel and into processes, ours among them. */
const SYSTEM = ['/proc', '/sys', '/dev'];

/** Resolves the directories, which may be symbolic links. Rejects with `StartupError` for one that must not be allowed. */
export const openPathRoots = async ({ allowed, dataDirectory }: PathRootsOptions): Promise<PathRoots> => {
  const written = [...new Set(allowed.map(normalised))];
  const own = [normalised(resolve(dataDirectory)), await realpath(dataDirectory)];
  const known = new Map<string, string>();
  const realRoots = async (): Promise<readonly string[]> => {
    for (const root of written) {
      if (known.has(root)) continue;
      const real = await realPathOf(root);
      if (real !== null) known.set(root, real);
    }
    return [...known.values()].filter((real) => !isTooWide(real));
  };
  for (const root of [...written, ...(await realRoots()), ...known.values()]) {
    if (isTooWide(root)) {
      const message = `ALLOWED_PATHS must not lead to ${root}; name the directories whose files may be uploaded.`;
      throw new StartupError(message, { exitCode: 78 });
    }
  }

  const isOwn = (path: string): boolean => own.some((directory) => isWithin(path, directory));
  return {
    mayHold: async (path) =>
      !isOwn(path) && [...written, ...(await realRoots())].some((root) => isWithin(path, root)),
    holds: async (path) => !isOwn(path) && (await realRoots()).some((root) => isWithin(path, root)),
  };
};

const normalised = (directory: string): string => `/${toSegments(directory.split('/')).join('/')}`;

const isTooWide = (directory: string): boolean =>
  directory === '/' || SYSTEM.some((system) => isWithin(directory, system));

const realPathOf = async (directory: string): Promise<string | null> => {
  try {
    return await realpath(directory);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'].includes(systemCode(error) ?? '')) return null;
    throw error;
  }
};
