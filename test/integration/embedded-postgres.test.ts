import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type EmbeddedPostgres,
  type StartEmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../../src/platform/embedded-postgres/embedded-postgres.ts';
import { findPostgresBinaries } from '../../src/platform/embedded-postgres/postgres-binaries.ts';
import { until } from '../../src/platform/embedded-postgres/until.ts';

const IS_ROOT = process.getuid?.() === 0;
const IS_LINUX = process.platform === 'linux';
const MODULE = new URL('../../src/platform/embedded-postgres/embedded-postgres.ts', import.meta.url).href;

/** A gateway in small: starts the server, tells its pid, and stays until it is killed. */
const OWNER = `
  const { startEmbeddedPostgres } = await import(${JSON.stringify(MODULE)});
  const ignore = () => undefined;
  const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  const server = await startEmbeddedPostgres({ directory: process.argv[1], log });
  console.log(JSON.stringify({ pid: server.pid, url: server.url }));
`;

let parent: string;
let directory: string;
let logged: { level: number; msg: string }[];
const servers: EmbeddedPostgres[] = [];
const children: ChildProcess[] = [];

const log = pino({ level: 'debug' }, { write: (line: string) => void logged.push(JSON.parse(line)) });

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'embedded-postgres-'));
  directory = join(parent, 'postgres');
  logged = [];
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(parent, { recursive: true, force: true });
});

async function start(options: Partial<StartEmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ directory, log, ...options });
  servers.push(server);
  return server;
}

function spawnChild(program: string, args: string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], ...options });
  children.push(child);
  return child;
}

function spawnOwner(): ChildProcess {
  return spawnChild(process.execPath, ['--input-type=module', '-e', OWNER, directory]);
}

async function startedByOwner(owner: ChildProcess): Promise<{ pid: number; url: string }> {
  const [chunk] = await once(owner.stdout ?? owner, 'data');
  return JSON.parse(String(chunk));
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** The first column of the first row, as text. */
async function ask(url: string, sql: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query({ text: sql, rowMode: 'array' });
    return String(rows[0]?.[0]);
  } finally {
    await client.end();
  }
}

async function writeNote(url: string): Promise<void> {
  await ask(url, "create table note as select 'kept ✓'::text as body");
}

function readNote(url: string): Promise<string> {
  return ask(url, 'select body from note');
}

function unfinished(): string[] {
  return existsSync(directory) ? readdirSync(directory).filter((name) => name.includes('.tmp-')) : [];
}

function isRunning(pid: number): boolean {
  return IS_LINUX ? existsSync(`/proc/${pid}/exe`) : spawnSync('ps', ['-p', String(pid)]).status === 0;
}

function messages(): string {
  return logged.map(({ msg }) => msg).join('\n');
}

describe('the embedded Postgres', () => {
  it('makes a private cluster at the first start and keeps its data over a stop', async () => {
    const first = await start();
    await writeNote(first.url);
    expect(readFileSync(join(directory, 'postgres-url'), 'utf8')).toBe(`${first.url}\n`);
    await first.stop();
    expect(await first.exited).toEqual({ code: 0, signal: null });

    const second = await start();
    expect(await readNote(second.url)).toBe('kept ✓');
    expect(second.pid).not.toBe(first.pid);
    expect(readFileSync(join(directory, 'postgres-url'), 'utf8')).toBe(`${second.url}\n`);
    expect(readdirSync(directory).sort()).toEqual(['data', 'password', 'postgres-url']);
    const modes = ['', 'data', 'password', 'postgres-url'].map(
      (name) => statSync(join(directory, name)).mode & 0o777,
    );
    expect(modes).toEqual([0o700, 0o700, 0o600, 0o600]);
  });

  it('has the settings that safety and the data depend on', async () => {
    const { url } = await start();
    const settings = await ask(
      url,
      `select concat_ws(' ', current_user, current_database(), current_setting('fsync'),
         current_setting('max_connections'), current_setting('listen_addresses'),
         current_setting('unix_socket_directories'), current_setting('timezone'),
         pg_encoding_to_char(encoding), datlocprovider, datlocale)
       from pg_database where datname = current_database()`,
    );
    expect(settings).toBe('waybill waybill on 130 127.0.0.1  UTC UTF8 b C.UTF-8');
    expect(await ask(url, "select upper('é') || ('é' > 'z')")).toBe('Étrue');
  });

  it('stops once however often it is asked to', async () => {
    const server = await start();
    const client = new Client({ connectionString: server.url });
    client.on('error', () => undefined);
    await client.connect();
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
    expect(isRunning(server.pid)).toBe(false);
    expect(logged.filter(({ level }) => level >= 50)).toEqual([]);
  });

  it('works in a path with spaces and beyond ASCII', async () => {
    directory = join(parent, 'my data 📦', 'põstgres');
    const first = await start();
    await writeNote(first.url);
    await first.stop();
    expect(await readNote((await start()).url)).toBe('kept ✓');
  });

  it('refuses a wrong password and asks for one', async () => {
    const { url } = await start();
    const wrong = new URL(url);
    wrong.password = 'wrong';
    await expect(ask(wrong.href, 'select 1')).rejects.toThrow(/password authentication failed/);
    expect(await ask(url, "select string_agg(distinct auth_method, ' ') from pg_hba_file_rules")).toBe(
      'scram-sha-256',
    );
  });

  it('logs line by line, without statements, row values or the password', async () => {
    const { url } = await start();
    await ask(url, 'create table secret (value text unique)');
    await ask(url, "insert into secret values ('hunter2')");
    await expect(ask(url, "insert into secret values ('hunter2')")).rejects.toThrow(/unique/);
    await until(() => messages().includes('unique'), { deadlineMs: 5_000 });
    expect(messages()).toMatch(/ERROR: {2}duplicate key value violates unique constraint/);
    expect(messages()).not.toContain('hunter2');
    expect(JSON.stringify(logged)).not.toContain(new URL(url).password);
  });

  it.runIf(IS_LINUX)('listens on the loopback address only', async () => {
    const { url } = await start();
    const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, '0');
    const listening = ['/proc/net/tcp', '/proc/net/tcp6']
      .flatMap((path) => (existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []))
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local, , state]) => state === '0A' && local?.endsWith(`:${port}`))
      .map(([, local]) => local);
    expect(listening).toEqual([`0100007F:${port}`]);
  });

  it.runIf(IS_LINUX)('runs in a session of its own, without our environment', async () => {
    const { pid } = await start();
    const session = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[3];
    expect(Number(session)).toBe(pid);
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
    expect(environment).toContain('LC_ALL=C');
    expect(environment).not.toContain('PATH=');
  });
});

describe('after a crash', () => {
  it('takes over from a gateway that was killed', async () => {
    const owner = spawnOwner();
    const orphan = await startedByOwner(owner);
    await writeNote(orphan.url);
    await kill(owner);
    expect(isRunning(orphan.pid)).toBe(true);

    const server = await start();
    expect(isRunning(orphan.pid)).toBe(false);
    expect(server.pid).not.toBe(orphan.pid);
    expect(await readNote(server.url)).toBe('kept ✓');
    expect(logged).toContainEqual(expect.objectContaining({ level: 40, pid: orphan.pid }));
  });

  it('does not leave the server behind when the gateway ends without stopping it', async () => {
    const code = `${OWNER}process.exit(3);`;
    const owner = spawnChild(process.execPath, ['--input-type=module', '-e', code, directory]);
    const { pid } = await startedByOwner(owner);
    expect(await until(() => !isRunning(pid), { deadlineMs: 10_000 })).toBe(true);
  });

  it('notices the death of the server, and starts it again', async () => {
    const first = await start();
    await writeNote(first.url);
    process.kill(first.pid, 'SIGKILL');
    expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(messages()).toContain('ended unexpectedly');
    expect(await readNote((await start()).url)).toBe('kept ✓');
  });

  it.runIf(IS_LINUX)('does not wait for what a killed server left busy', async () => {
    const first = await start();
    const busy = new Client({ connectionString: first.url });
    busy.on('error', () => undefined);
    await busy.connect();
    const pid = Number((await busy.query('select pg_backend_pid() as pid')).rows[0].pid);
    const endless = busy
      .query('select count(*) from generate_series(1, 1000000000000)')
      .catch(() => undefined);
    const isBusy = async () =>
      (await ask(first.url, `select state from pg_stat_activity where pid = ${pid}`)) === 'active';
    expect(await until(isBusy, { deadlineMs: 5_000 })).toBe(true);
    process.kill(first.pid, 'SIGKILL');
    await first.exited;
    expect(isRunning(pid)).toBe(true);

    const second = await start();
    expect(await ask(second.url, 'select 1')).toBe('1');
    expect(isRunning(pid)).toBe(false);
    await endless;
  });

  it('starts afresh after a first start that was interrupted', async () => {
    const owner = spawnOwner();
    const isInitialising = () => unfinished().some((name) => existsSync(join(directory, name, 'PG_VERSION')));
    expect(await until(isInitialising, { deadlineMs: 20_000, intervalMs: 1 })).toBe(true);
    await kill(owner);
    expect(existsSync(join(directory, 'data'))).toBe(false);
    expect(unfinished()).not.toEqual([]);

    const server = await start();
    await writeNote(server.url);
    expect(unfinished()).toEqual([]);
    await server.stop();
    expect(await readNote((await start()).url)).toBe('kept ✓');
  });

  it('makes the database when the first start was interrupted before it had', async () => {
    const first = await start();
    const maintenance = new URL(first.url);
    maintenance.pathname = '/postgres';
    await ask(maintenance.href, 'drop database waybill with (force)');
    await first.stop();
    expect(await ask((await start()).url, 'select current_database()')).toBe('waybill');
  });

  it('leaves a program alone that has the pid of a server that is gone', async () => {
    const first = await start();
    await writeNote(first.url);
    const record = readFileSync(join(directory, 'data', 'postmaster.pid'), 'utf8');
    await first.stop();
    const { uid, gid } = statSync(join(directory, 'data'));
    // Postgres looks away from other users' processes by itself.
    const bystander = spawnChild('sleep', ['60'], IS_ROOT ? { uid, gid } : {});
    await once(bystander, 'spawn');
    writeFileSync(join(directory, 'data', 'postmaster.pid'), record.replace(/^\d+/, String(bystander.pid)));
    if (IS_ROOT) chownSync(join(directory, 'data', 'postmaster.pid'), uid, gid);

    expect(await readNote((await start()).url)).toBe('kept ✓');
    expect([bystander.exitCode, bystander.signalCode]).toEqual([null, null]);
    expect(isRunning(bystander.pid ?? 0)).toBe(true);
  });

  it('leaves a server of another directory alone that has the pid', async () => {
    const first = await start();
    const record = readFileSync(join(directory, 'data', 'postmaster.pid'), 'utf8');
    await first.stop();
    const other = await start({ directory: join(parent, 'other') });
    writeFileSync(join(directory, 'data', 'postmaster.pid'), record.replace(/^\d+/, String(other.pid)));
    expect(await ask((await start()).url, 'select 1')).toBe('1');
    expect(await ask(other.url, 'select 1')).toBe('1');
  });
});

describe.runIf(IS_ROOT && IS_LINUX)('as root', () => {
  function identity(pid: number): { uids: string[]; groups: string } {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? '';
    return { uids: field('Uid').split(/\s+/), groups: field('Groups') };
  }

  it('runs the server as somebody else, below a directory closed to them', async () => {
    chmodSync(parent, 0o700);
    const server = await start();
    const { uid, gid } = statSync(join(directory, 'data'));
    expect(uid).not.toBe(0);
    expect(spawnSync('ls', [directory], { uid, gid }).status).not.toBe(0);
    expect(identity(server.pid).uids).toEqual(Array(4).fill(String(uid)));
    expect(
      identity(server.pid)
        .groups.split(/\s+/)
        .filter((group) => group === '0'),
    ).toEqual([]);
    expect(statSync(join(directory, 'password')).uid).toBe(0);
  });

  it('keeps the owner of a cluster, and takes over one that is root’s', async () => {
    const first = await start();
    await writeNote(first.url);
    await first.stop();
    const own = (user: string) =>
      expect(spawnSync('chown', ['-R', user, join(directory, 'data')]).status).toBe(0);

    own('12345:12345');
    const second = await start();
    expect(identity(second.pid).uids[0]).toBe('12345');
    await second.stop();

    own('0:0');
    const third = await start();
    expect(identity(third.pid).uids[0]).not.toBe('0');
    expect(await readNote(third.url)).toBe('kept ✓');
  });

  it('copies binaries that lie below a closed directory, once, and runs nobody’s but root’s', async () => {
    const installed = await findPostgresBinaries();
    const closed = join(parent, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    const native = join(closed, 'native');
    cpSync(dirname(dirname(installed.postgres)), native, { recursive: true, verbatimSymlinks: true });
    const packageVersion = `0.0.0-test-${process.pid}`;
    const binaries = {
      initdb: join(native, 'bin', 'initdb'),
      postgres: join(native, 'bin', 'postgres'),
      packageVersion,
    };
    const cache = '/var/cache/waybill';
    const copy = join(cache, `postgres-${packageVersion}`);
    const hadCache = existsSync(cache);
    try {
      mkdirSync(join(copy, 'bin'), { recursive: true });
      writeFileSync(join(copy, 'bin', 'postgres'), '#!/bin/sh\necho "postgres (PostgreSQL) 18.4"\n', {
        mode: 0o755,
      });
      chownSync(copy, 65534, 65534);

      const first = await start({ binaries });
      expect(lstatSync(copy).uid).toBe(0);
      expect(readFileSync(`/proc/${first.pid}/cmdline`, 'utf8')).toContain(join(copy, 'bin', 'postgres'));
      expect(readdirSync(cache).filter((name) => name.includes('.tmp-'))).toEqual([]);
      await first.stop();

      const made = lstatSync(copy).ino;
      const second = await start({ binaries });
      expect(await ask(second.url, 'select 1')).toBe('1');
      expect(lstatSync(copy).ino).toBe(made);
      await second.stop();
    } finally {
      rmSync(copy, { recursive: true, force: true });
      if (!hadCache) rmdirSync(cache);
    }
  });
});
