import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeDirectory } from './make-directory.ts';
import { StartupError } from './startup-error.ts';

/** The right to use a data directory. Ends with `release()` or with the process, however that ends. */
export interface DirectoryLock {
  /** Gives the directory back; a second call does nothing. */
  release(): void;
}

/** Another process, or another part of this one, has the directory. Nothing else is wrong with it. */
export class DirectoryInUseError extends StartupError {}

const LOCK_FILE = 'gateway.lock';
const PID_FILE = 'gateway.pid';

/** https://sqlite.org/rescode.html; the low byte is the primary code. */
const SQLITE_BUSY = 5;

/** Keeps them from the garbage collector, which would close them, and with that end the lock, where a caller drops it. */
const held = new Set<DatabaseSync>();

/**
 * Takes `directory` for this process alone, creating it (mode 0700) where it does not exist, and never waits.
 * The lock is the kernel's own lock on `gateway.lock`, so a holder that was killed leaves nothing stale.
 * Nothing else in this process may open `gateway.lock`: closing any descriptor of a file drops a process's
 * POSIX locks on it.
 *
 * @throws {DirectoryInUseError} if it is held already, here or in another process.
 * @throws {StartupError} if it cannot be written.
 */
export function lockDirectory(directory: string): DirectoryLock {
  const pidFile = join(directory, PID_FILE);
  const database = acquire(directory);
  try {
    writeFileSync(pidFile, `${process.pid}\n`);
  } catch (error) {
    database.close();
    throw notWritable(directory, error);
  }
  held.add(database);
  return {
    release() {
      if (!held.delete(database)) return;
      rmSync(pidFile, { force: true });
      database.close();
    },
  };
}

function acquire(directory: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    makeDirectory(directory);
    database = new DatabaseSync(join(directory, LOCK_FILE), { timeout: 0 });
    // The journal stays in memory: nothing is ever written, and a journal file would be left behind by SIGKILL.
    database.exec('pragma journal_mode = memory; pragma locking_mode = exclusive; begin exclusive');
    return database;
  } catch (error) {
    database?.close();
    throw isBusy(error) ? heldByAnother(directory, error) : notWritable(directory, error);
  }
}

function isBusy(error: unknown): boolean {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return false;
  return (error.errcode & 0xff) === SQLITE_BUSY;
}

function heldByAnother(directory: string, cause: unknown): DirectoryInUseError {
  const pid = holderPid(directory);
  const holder = pid === undefined ? 'another Waybill process' : `another Waybill process (pid ${pid})`;
  return new DirectoryInUseError(
    `The data directory ${directory} is in use by ${holder}: stop it, or set DATA_DIR to another directory.`,
    { cause },
  );
}

/** A hint for the message only: the file is written after the lock is taken, so it may be older than the lock. */
function holderPid(directory: string): string | undefined {
  try {
    return /^\d+/.exec(readFileSync(join(directory, PID_FILE), 'utf8'))?.[0];
  } catch {
    return undefined;
  }
}

function notWritable(directory: string, cause: unknown): StartupError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StartupError(
    `The data directory ${directory} cannot be used (${reason}): make it writable for this user, or set DATA_DIR to another directory.`,
    { cause },
  );
}
