import { chmod, cp, lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { StartupError } from '../startup-error.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import { unfinishedName } from './private-file.ts';

/** Root's own directory, so that no other user can put a program of theirs where root will start one. */
const CACHE_DIRECTORY = '/var/cache/waybill';

/**
 * Copies an installation (60 MB, once per package version) to where every user can run it, and returns the copy.
 * An earlier copy that belongs to root and `works` is used as it is. To be called by root.
 *
 * @throws {StartupError} if there is no safe place for the copy.
 */
export async function copyBinaries(
  binaries: PostgresBinaries,
  works: (copy: PostgresBinaries) => Promise<boolean>,
): Promise<PostgresBinaries> {
  const installation = dirname(dirname(binaries.postgres));
  const target = join(CACHE_DIRECTORY, `postgres-${binaries.packageVersion}`);
  const copy = {
    ...binaries,
    initdb: join(target, relative(installation, binaries.initdb)),
    postgres: join(target, relative(installation, binaries.postgres)),
  };
  try {
    // A strict umask would close what was just made.
    if ((await mkdir(CACHE_DIRECTORY, { recursive: true })) !== undefined)
      await chmod(CACHE_DIRECTORY, 0o755);
    if (!(await isRootsAlone(CACHE_DIRECTORY))) throw new Error(`${CACHE_DIRECTORY} is not root's alone`);
    if ((await isRootsAlone(target)) && (await works(copy))) return copy;
    await install(installation, target);
    return copy;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StartupError(
      `The embedded Postgres lies where only root can reach it and cannot be copied to ${CACHE_DIRECTORY} (${reason}): run Waybill as a normal user, install it in a directory open to all, or set DATABASE_URL.`,
      { cause },
    );
  }
}

async function isRootsAlone(directory: string): Promise<boolean> {
  const stats = await lstat(directory).catch(() => undefined);
  return stats?.isDirectory() === true && stats.uid === 0 && (stats.mode & 0o022) === 0;
}

async function install(installation: string, target: string): Promise<void> {
  const unfinished = unfinishedName(target);
  try {
    await cp(installation, unfinished, { recursive: true, verbatimSymlinks: true });
    await openToAll(unfinished);
    await rm(target, { recursive: true, force: true });
    await rename(unfinished, target);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    // Another gateway that started at the same time has just put its copy there.
    if (isCode(error, 'ENOTEMPTY') || isCode(error, 'EEXIST')) return;
    throw error;
  }
}

/** A package installed under a strict umask is readable for its owner only. */
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) await chmod(path, 0o755);
    if (entry.isFile()) await chmod(path, ((await lstat(path)).mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
