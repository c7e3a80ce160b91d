import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { PostgresLog } from './postgres-log.ts';
import { shutDown } from './shut-down.ts';
import { type ClusterPlace, spawnOnCluster } from './spawn-on-cluster.ts';

export interface ServerExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A postmaster we started. Its owner calls `stop()`. */
export interface ServerProcess {
  pid: number;
  port: number;
  exited: Promise<ServerExit>;
  /** The last lines it logged; complete once `drained` has settled. */
  lastLines: readonly string[];
  /** Settles when neither it nor a child of its can log any more. */
  drained: Promise<void>;
  /** Ends it, disconnecting its clients; idempotent. Rejects if it does not end. */
  stop(): Promise<void>;
}

export interface StartServerProcessOptions extends ClusterPlace {
  postgres: string;
  port: number;
  log: PostgresLog;
}

const KEPT_LINES = 20;

/** Enough for four gateways, of which one has it and others may share it, and psql. What is not used costs some kilobytes each. */
const MAX_CONNECTIONS = 130;

/** Starts a postmaster on a cluster; it is not ready yet. */
export async function startServerProcess(options: StartServerProcessOptions): Promise<ServerProcess> {
  const { account, dataDirectory, log, port, postgres } = options;
  const child = await spawnOnCluster(postgres, { account, dataDirectory, args: serverArguments(port) });
  if (child.pid === undefined) throw new Error('A spawned process has no pid');
  const stopWithUs = () => child.kill('SIGINT');
  process.once('exit', stopWithUs);
  const exited = new Promise<ServerExit>((settle) => {
    child.once('exit', (code, signal) => {
      process.off('exit', stopWithUs);
      settle({ code, signal });
    });
  });
  let stopping: Promise<void> | undefined;
  return {
    pid: child.pid,
    port,
    exited,
    ...collectLines(child, log),
    stop() {
      stopping ??= stopChild(child, log);
      return stopping;
    },
  };
}

function serverArguments(port: number): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: MAX_CONNECTIONS,
    fsync: 'on',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_destination: 'stderr',
    logging_collector: 'off',
    log_line_prefix: '[%p] ',
    // Statements and row values stay out of the log: clients get them with the error anyway.
    log_error_verbosity: 'terse',
    log_min_error_statement: 'panic',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

function collectLines(child: ChildProcess, log: PostgresLog): Pick<ServerProcess, 'lastLines' | 'drained'> {
  const lastLines: string[] = [];
  child.stdout?.resume();
  if (child.stderr === null) return { lastLines, drained: Promise.resolve() };
  const lines = createInterface({ input: child.stderr });
  lines.on('line', (line) => {
    lastLines.push(line);
    if (lastLines.length > KEPT_LINES) lastLines.shift();
    log.debug({ event: 'postgres_line' }, line);
  });
  return { lastLines, drained: new Promise((settle) => lines.once('close', settle)) };
}

async function stopChild(child: ChildProcess, log: PostgresLog): Promise<void> {
  const outcome = await shutDown({
    signal: (name) => child.kill(name),
    isGone: () => child.exitCode !== null || child.signalCode !== null,
  });
  if (outcome === 'immediate')
    log.warn(
      { event: 'postgres_stopped_at_once' },
      'The embedded Postgres had to be stopped at once; the next start recovers',
    );
  if (outcome === 'stuck') throw new Error(`The embedded Postgres (pid ${child.pid}) does not stop`);
}
