import { spawnSync } from 'node:child_process';
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { basename } from 'node:path';

/**
 * Whether `pid` is a Postgres process working on `dataDirectory`: `unknown` where the system does not tell.
 * On Linux by its program and by its working directory, which Postgres sets to the cluster; a pid that was given to
 * another program since, even to another Postgres, is told apart.
 */
export function isServerProcess(pid: number, dataDirectory: string): boolean | 'unknown' {
  return process.platform === 'linux'
    ? isServerProcessOnLinux(pid, dataDirectory)
    : isServerProcessByCommand(pid, dataDirectory);
}

/** All Postgres processes working on `dataDirectory`; none on other systems than Linux. */
export function findServerProcesses(dataDirectory: string): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isServerProcessOnLinux(pid, dataDirectory));
}

/** Sends a signal; a process that has just ended is no error. */
export function signalProcess(pid: number, signal: 'SIGINT' | 'SIGQUIT'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ESRCH') throw error;
  }
}

/** A process that is gone, is a zombie, or belongs to another user shows no working directory. */
function isServerProcessOnLinux(pid: number, dataDirectory: string): boolean {
  try {
    // The kernel adds " (deleted)" once the program's file was replaced.
    if (!/^postgres( \(deleted\))?$/.test(basename(readlinkSync(`/proc/${pid}/exe`)))) return false;
    const at = statSync(`/proc/${pid}/cwd`, { bigint: true });
    const cluster = statSync(dataDirectory, { bigint: true });
    return at.dev === cluster.dev && at.ino === cluster.ino;
  } catch {
    return false;
  }
}

function isServerProcessByCommand(pid: number, dataDirectory: string): boolean | 'unknown' {
  const { error, stdout } = spawnSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], {
    encoding: 'utf8',
  });
  if (error !== undefined) return 'unknown';
  return /\bpostgres\b/.test(stdout) && stdout.includes(`-D ${dataDirectory} `);
}
