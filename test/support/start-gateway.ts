import { once } from 'node:events';
import { existsSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll } from 'vitest';
import { preparePostgres } from './prepared-postgres.ts';
import { spawnWaybill } from './run-waybill.ts';
import { signToken } from './sign-token.ts';
import { until } from './until.ts';

export interface StartGatewayOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** An empty directory, or that of an earlier gateway, to start again on what it left. Default: one whose first start has been. */
  readonly home?: string;
}

interface LogEntry {
  readonly event: string;
  readonly [key: string]: unknown;
}

/** A running `waybill serve`, as a process of its own. */
export interface GatewayProcess {
  readonly url: string;
  /** Good for reading and writing, of the owner `local`. Empty when an identity provider makes the tokens. */
  readonly token: string;
  /** Where it was started; pass it on to start again on the same data. */
  readonly home: string;
  readonly dataDir: string;
  readonly pid: number;
  /** What it has printed on standard output. */
  output(): string;
  /** What it has logged on standard error. */
  logs(): readonly LogEntry[];
  hasEnded(): boolean;
  /** Asks it to stop and answers with its exit code, null when a signal ended it. */
  stop(): Promise<number | null>;
  /** Ends it without giving it a chance to do anything. */
  kill9(): Promise<void>;
  /** Rows, by a connection to its database that is not its own. */
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<readonly Row[]>;
}

const started: GatewayProcess[] = [];
const homes = new Set<string>();

// Registered when a test file imports this: whatever its tests leave running ends with them.
afterAll(async () => {
  await Promise.all(started.splice(0).map((gateway) => (gateway.hasEnded() ? null : gateway.stop())));
  for (const home of homes) {
    await endPostgresLeftIn(home);
    await rm(home, { recursive: true, force: true });
  }
  homes.clear();
});

/** An empty directory that is removed after the tests of the file. */
export const makeHome = async (): Promise<string> => {
  const home = await mkdtemp(join(tmpdir(), 'waybill-e2e-'));
  homes.add(home);
  return home;
};

const makePreparedHome = async (): Promise<string> => {
  const home = await makeHome();
  await preparePostgres(join(home, 'data/postgres'));
  return home;
};

/** A start after kill -9 first stops the Postgres that was left; on a busy machine that takes its time. */
const START_DEADLINE_MS = 50_000;

/** Starts the program on any free port and resolves once it says that it is ready. It is ended with the test file. */
export const startGateway = async (options: StartGatewayOptions = {}): Promise<GatewayProcess> => {
  const home = options.home ?? (await makePreparedHome());
  // Tests make more calls than people do.
  const env = { PORT: '0', DATA_DIR: join(home, 'data'), RATE_LIMIT_PER_MINUTE: '0', ...options.env };
  const child = spawnWaybill(['serve'], { cwd: home, env });
  const exited = once(child, 'exit');
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const logs = (): readonly LogEntry[] => stderr.split('\n').flatMap(toEntry);
  const isReady = () => {
    if (hasEnded()) return { url: null };
    // The banner follows the event, and only after it is a signal sure to be heard.
    return stdout.includes('curl ') && logs().find(({ event }) => event === 'ready');
  };
  const ready = await until('the gateway is ready', isReady, { deadlineMs: START_DEADLINE_MS });
  if (typeof ready.url !== 'string') throw new Error(`The gateway ended: ${stdout}${stderr}`);

  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> => {
    if (!hasEnded()) child.kill(signal);
    await exited;
    return child.exitCode;
  };
  const gateway: GatewayProcess = {
    url: ready.url,
    token: await tokenFrom(stdout, options.env ?? {}),
    home,
    dataDir: env.DATA_DIR,
    pid: child.pid ?? 0,
    output: () => stdout,
    logs,
    hasEnded,
    stop: () => end('SIGTERM'),
    kill9: async () => void (await end('SIGKILL')),
    query: (sql, values) => query(env.DATA_DIR, sql, values),
  };
  started.push(gateway);
  return gateway;
};

const toEntry = (line: string): LogEntry[] => {
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
};

const tokenFrom = async (
  banner: string,
  { JWT_SECRET_KEY: secret, JWT_JWKS_URL }: Readonly<Record<string, string>>,
): Promise<string> => {
  if (secret === undefined && JWT_JWKS_URL !== undefined) return '';
  if (secret !== undefined) return signToken({ sub: 'local' }, { secret });
  const [, token] = /Token\s+([\w-]+\.[\w-]+\.[\w-]+)/u.exec(banner) ?? [];
  if (token === undefined) throw new Error(`No token in: ${banner}`);
  return token;
};

const query = async <Row extends object>(
  dataDir: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<readonly Row[]> => {
  const client = new Client(await readFile(join(dataDir, 'postgres/postgres-url'), 'utf8'));
  await client.connect();
  try {
    return (await client.query<Row>(sql, [...values])).rows;
  } finally {
    await client.end();
  }
};

/** A gateway that was killed leaves its database server behind, for the next start to deal with. There is none here. */
const endPostgresLeftIn = async (home: string): Promise<void> => {
  const cluster = join(home, 'data/postgres/data');
  const file = join(cluster, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8').split('\n', 1)[0]);
  if (!Number.isSafeInteger(pid) || pid <= 1 || !isAlive(pid)) return;
  // The number may have gone to a stranger; a database server works in its own directory.
  if (process.platform === 'linux' && readlinkSync(`/proc/${pid}/cwd`) !== realpathSync(cluster)) return;
  // Postgres's immediate shutdown.
  process.kill(pid, 'SIGQUIT');
  await until('the database server left behind has ended', () => !existsSync(file) || !isAlive(pid));
};

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
