import { Client, DatabaseError } from 'pg';
import { StartupError } from '../startup-error.ts';
import { connectionUrl, SERVER_DATABASE } from './connection-url.ts';
import { readPostmasterFile } from './postmaster-file.ts';
import type { ServerProcess } from './server-process.ts';
import { until } from './until.ts';

export interface AwaitReadyOptions {
  server: ServerProcess;
  dataDirectory: string;
  password: string;
  deadlineMs: number;
}

/** https://www.postgresql.org/docs/18/errcodes-appendix.html */
const INVALID_CATALOG_NAME = '3D000';
const INVALID_PASSWORD = '28P01';

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Waits until a connection to the database works, making the database if it is missing: `true`, or `false` if the
 * server ended or the deadline passed first.
 * No connection is tried before the postmaster itself says that it listens: until then another program might have the
 * port, and would be told the password.
 */
export async function awaitReady({
  server,
  dataDirectory,
  password,
  deadlineMs,
}: AwaitReadyOptions): Promise<boolean> {
  let isOver = false;
  void server.exited.then(() => {
    isOver = true;
  });
  let isReady = false;
  await until(
    async () => {
      isReady = (await isListening(server, dataDirectory)) && (await accepts(server.port, password));
      return isReady || isOver;
    },
    { deadlineMs },
  );
  return isReady;
}

async function isListening({ pid, port }: ServerProcess, dataDirectory: string): Promise<boolean> {
  const file = await readPostmasterFile(dataDirectory);
  return file?.isReady === true && file.pid === pid && file.port === port;
}

async function accepts(port: number, password: string): Promise<boolean> {
  try {
    await query(connectionUrl(password, port), 'select 1');
    return true;
  } catch (error) {
    if (!(error instanceof DatabaseError)) return false;
    if (error.code === INVALID_CATALOG_NAME) return createDatabase(port, password);
    if (error.code === INVALID_PASSWORD) throw wrongPassword(error);
    return false;
  }
}

async function createDatabase(port: number, password: string): Promise<boolean> {
  await query(connectionUrl(password, port, 'postgres'), `create database ${SERVER_DATABASE}`);
  return true;
}

async function query(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  try {
    await client.connect();
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function wrongPassword(cause: unknown): StartupError {
  return new StartupError(
    'The embedded Postgres refuses the password in its password file: restore that file from a backup, or set DATABASE_URL.',
    { cause },
  );
}
