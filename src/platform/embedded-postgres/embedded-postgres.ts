import { mkdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { StartupError } from '../startup-error.ts';
import { connectionUrl } from './connection-url.ts';
import { stopOrphanedServer } from './orphaned-server.ts';
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binaries.ts';
import type { PostgresLog } from './postgres-log.ts';
import { prepareCluster } from './prepare-cluster.ts';
import { writePrivateFile } from './private-file.ts';
import { runnableBinaries } from './runnable-binaries.ts';
import { chooseServerAccount, type ServerAccount } from './server-account.ts';
import type { ServerExit, ServerProcess } from './server-process.ts';
import { startServer } from './start-server.ts';

/** A Postgres server of our own. Whoever started it calls `stop()`. */
export interface EmbeddedPostgres {
  /** `postgres://waybill:<password>@127.0.0.1:<port>/waybill`; a secret. The port is another at each start. */
  url: string;
  pid: number;
  /** Settles when the server is gone, whether asked to or not; never rejects. */
  exited: Promise<ServerExit>;
  /** Disconnects all clients and ends the server; idempotent. Rejects if the server does not end within 25 s. */
  stop(): Promise<void>;
}

export interface StartEmbeddedPostgresOptions {
  /** Holds the cluster (`data/`), its `password`, and for psql users the current URL (`postgres-url`). */
  directory: string;
  log: PostgresLog;
  /** Those npm installed for this platform unless told. */
  binaries?: PostgresBinaries;
}

const IS_ROOT = process.getuid?.() === 0;

/**
 * Starts the embedded Postgres, making its cluster at the first start. The caller holds the lock on the data directory
 * that contains `directory`: a server found running there is taken for an orphan and stopped. The server listens on
 * the loopback address only and does not get the terminal's Ctrl-C.
 *
 * @throws {StartupError} for whatever an operator can mend.
 */
export async function startEmbeddedPostgres(
  options: StartEmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  try {
    return await start(options);
  } catch (error) {
    if (error instanceof StartupError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartupError(
      `The embedded Postgres cannot be started in ${options.directory} (${reason}): correct that, ${IS_ROOT ? 'run Waybill as a normal user, ' : ''}or set DATABASE_URL.`,
      { cause: error },
    );
  }
}

async function start({ log, ...options }: StartEmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const directory = resolve(options.directory);
  const dataDirectory = join(directory, 'data');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const account = await accountForRoot(dataDirectory);
  const binaries = await runnableBinaries(options.binaries ?? (await findPostgresBinaries()), account);
  await stopOrphanedServer(dataDirectory, log);
  const password = await prepareCluster({ dataDirectory, account, binaries, log });
  const server = await startServer({ dataDirectory, account, password, log, postgres: binaries.postgres });
  const url = connectionUrl(password, server.port);
  try {
    await writePrivateFile(join(directory, 'postgres-url'), `${url}\n`);
  } catch (error) {
    await server.stop();
    throw error;
  }
  log.info({ event: 'postgres_ready', pid: server.pid, port: server.port }, 'The embedded Postgres is ready');
  return { url, ...supervise(server, log) };
}

/** An end nobody asked for is logged with the server's last words, which are otherwise only in the debug log. */
function supervise(server: ServerProcess, log: PostgresLog): Omit<EmbeddedPostgres, 'url'> {
  let isStopping = false;
  void server.exited.then((exit) => {
    if (isStopping) return;
    log.error(
      { event: 'postgres_ended', ...exit, last_lines: server.lastLines },
      'The embedded Postgres ended unexpectedly',
    );
  });
  return {
    pid: server.pid,
    exited: server.exited,
    stop() {
      isStopping = true;
      return server.stop();
    },
  };
}

/** Postgres refuses to run as root; who is not root runs it as themselves. */
async function accountForRoot(dataDirectory: string): Promise<ServerAccount | undefined> {
  if (!IS_ROOT) return undefined;
  if (process.platform !== 'linux') {
    throw new StartupError(
      'The embedded Postgres cannot be started by root on this system: run Waybill as a normal user, or set DATABASE_URL.',
    );
  }
  const clusterOwner = await stat(dataDirectory).catch(() => undefined);
  return chooseServerAccount({ passwd: await readFile('/etc/passwd', 'utf8'), clusterOwner });
}
