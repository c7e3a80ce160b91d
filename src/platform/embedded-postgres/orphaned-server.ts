import { StartupError } from '../startup-error.ts';
import type { PostgresLog } from './postgres-log.ts';
import { readPostmasterFile, removePostmasterFile } from './postmaster-file.ts';
import { findServerProcesses, isServerProcess, signalProcess } from './server-processes.ts';
import { shutDown } from './shut-down.ts';

/**
 * Stops a server that outlived its gateway. The caller holds the data directory, so a live server on it has no owner.
 * A recorded pid that now belongs to another program is left alone and its record removed, since Postgres would
 * take that program for a server of ours and refuse to start.
 *
 * @throws {StartupError} if the server does not stop.
 */
export async function stopOrphanedServer(dataDirectory: string, log: PostgresLog): Promise<void> {
  const recorded = await readPostmasterFile(dataDirectory);
  if (recorded === undefined || !isAlive(recorded.pid)) return;
  const { pid } = recorded;
  const isOurs = isServerProcess(pid, dataDirectory);
  if (isOurs === 'unknown') return;
  if (!isOurs) {
    log.info(
      { event: 'postgres_record_removed', pid },
      'The record of an earlier Postgres names a process that is another program; record removed',
    );
    await removePostmasterFile(dataDirectory);
    return;
  }
  log.warn({ event: 'postgres_outlived', pid }, 'Stopping a Postgres that outlived its gateway');
  const outcome = await shutDown({
    signal: (name) => signalProcess(pid, name),
    isGone: () => isServerProcess(pid, dataDirectory) === false,
  });
  if (outcome !== 'stuck') return;
  throw new StartupError(
    `An earlier embedded Postgres (pid ${pid}) still runs on ${dataDirectory} and does not stop: end that process, then start again.`,
  );
}

/** Ends what a postmaster that was killed left running: its children normally end by themselves, but a busy one may take long. */
export function stopOrphanedChildren(dataDirectory: string): void {
  for (const pid of findServerProcesses(dataDirectory)) signalProcess(pid, 'SIGQUIT');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
