import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { StartupError } from '../startup-error.ts';
import { awaitReady } from './await-ready.ts';
import { stopOrphanedChildren } from './orphaned-server.ts';
import type { PostgresLog } from './postgres-log.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';
import type { ClusterPlace } from './spawn-on-cluster.ts';

export interface StartServerOptions extends ClusterPlace {
  postgres: string;
  password: string;
  log: PostgresLog;
  /** A free port of the loopback address unless told; asked again if the port is taken before the server has it. */
  choosePort?: () => Promise<number>;
}

/** Recovery after a crash included: with the default max_wal_size it replays 1 GB at most. */
const READY_DEADLINE_MS = 60_000;

/** How long children of a killed postmaster get to end; they do within milliseconds unless they are busy. */
const LEFTOVERS_DEADLINE_MS = 10_000;
const LEFTOVERS_INTERVAL_MS = 100;

/** For the words of a server that has ended; only a child that outlives it can keep them open. */
const DRAIN_DEADLINE_MS = 1_000;

/** Another program took the port between our choice and the server's bind; twice in a row is already unlikely. */
const PORT_ATTEMPTS = 5;

/**
 * Starts a server on a cluster and waits until its database accepts connections.
 *
 * @throws {StartupError} with its last log lines if it does not start within 60 s.
 */
export async function startServer({
  choosePort = freePort,
  ...options
}: StartServerOptions): Promise<ServerProcess> {
  const leftoversEndAt = performance.now() + LEFTOVERS_DEADLINE_MS;
  for (let portAttempt = 1; ; ) {
    const server = await startServerProcess({ ...options, port: await choosePort() });
    if (await isReadyOrStopped(server, options)) return server;
    const reason = server.lastLines.join('\n');
    if (isPortTaken(reason) && portAttempt < PORT_ATTEMPTS) {
      portAttempt += 1;
    } else if (isStillInUse(reason) && performance.now() < leftoversEndAt) {
      stopOrphanedChildren(options.dataDirectory);
      await delay(LEFTOVERS_INTERVAL_MS);
    } else {
      throw new StartupError(
        `The embedded Postgres in ${options.dataDirectory} does not start: correct what it says below, or set DATABASE_URL.\n${reason}`,
      );
    }
  }
}

async function isReadyOrStopped(
  server: ServerProcess,
  options: Omit<StartServerOptions, 'choosePort'>,
): Promise<boolean> {
  let isReady = false;
  try {
    isReady = await awaitReady({ ...options, server, deadlineMs: READY_DEADLINE_MS });
    return isReady;
  } finally {
    if (!isReady) {
      await server.stop();
      await Promise.race([server.drained, delay(DRAIN_DEADLINE_MS)]);
    }
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('A TCP server has no port');
  return address.port;
}

/** The words of src/backend/libpq/pqcomm.c and src/backend/utils/init of Postgres, in the C locale. */
function isPortTaken(lines: string): boolean {
  return /could not bind .*Address already in use/.test(lines);
}

function isStillInUse(lines: string): boolean {
  return lines.includes('pre-existing shared memory block');
}
