import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ServerAccount } from './server-account.ts';

/** A directory with a Postgres cluster in it, and whom it belongs to if the gateway is root. */
export interface ClusterPlace {
  dataDirectory: string;
  account: ServerAccount | undefined;
}

export interface SpawnOnClusterOptions extends ClusterPlace {
  args: readonly string[];
  /** What the child has as descriptor 3: a file it may open again as /proc/self/fd/3. */
  extraDescriptor?: number;
}

/** All the environment Postgres gets: the gateway's own holds keys it has no business with. */
export const SERVER_ENVIRONMENT = { LC_ALL: 'C', TZ: 'UTC' };

/**
 * Starts a program of Postgres on a cluster (its `-D`), in a session of its own so that Ctrl-C reaches the gateway
 * alone, with stdout and stderr as pipes. The caller ends it.
 *
 * With an account the working directory stands for the path: it is entered before the user is switched, and
 * /proc/self/cwd leads back to it without walking the path, so the parents may be closed to that user (proc_pid_cwd(5)).
 * Switching users also drops root's supplementary groups.
 */
export async function spawnOnCluster(program: string, options: SpawnOnClusterOptions): Promise<ChildProcess> {
  const { account, args, dataDirectory, extraDescriptor } = options;
  const path = account === undefined ? dataDirectory : '/proc/self/cwd';
  const child = spawn(program, ['-D', path, ...args], {
    ...account,
    cwd: dataDirectory,
    env: SERVER_ENVIRONMENT,
    detached: true,
    windowsHide: true,
    stdio: ['ignore', 'pipe', 'pipe', ...(extraDescriptor === undefined ? [] : [extraDescriptor])],
  });
  await once(child, 'spawn');
  return child;
}
