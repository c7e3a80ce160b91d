import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RateLimitStore } from '../../src/admission/rate-limit-store.ts';
import { openRateLimits, type RateLimits } from '../../src/admission/rate-limits.ts';
import { until } from '../support/until.ts';
import { SCHEMA, useTestDatabases } from './support/test-databases.ts';

const opened: RateLimits[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((limits) => limits.close()));
});

const open = (store: RateLimitStore, perMinute: number, lines: string[] = []): RateLimits => {
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const limits = openRateLimits({ perMinute, store, log });
  opened.push(limits);
  return limits;
};
const caller = { kind: 'user', sub: 'someone' } as const;
const events = (lines: readonly string[]): string[] => lines.map((line) => JSON.parse(line).event);

const raceOnTwoInstances = async (store: RateLimitStore): Promise<number> => {
  const instances = [open(store, 40), open(store, 40)];
  const standings = await Promise.all(
    Array.from({ length: 200 }, (_, call) => instances[call % 2]?.count('uploads', caller)),
  );
  return standings.filter((standing) => standing?.isOver === false).length;
};

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('A TCP server has no port.');
  return address.port;
};

describe('rate limits in Postgres', () => {
  const databases = useTestDatabases({ queues: false });

  it('M18 are shared exactly by two instances', async () => {
    const url = await databases.migrated();
    expect(await raceOnTwoInstances({ kind: 'postgres', url, schema: SCHEMA })).toBe(40);
  });

  it('L15 leave digests in the table and cost it nothing once somebody is over', async () => {
    const url = await databases.migrated();
    const limits = open({ kind: 'postgres', url, schema: SCHEMA }, 5);
    for (let call = 0; call < 50; call += 1) await limits.count('calls', caller);
    const rows = await databases.query<{ key: string; points: number }>(
      url,
      `select key, points from ${SCHEMA}.rate_limits`,
    );
    expect(rows).toEqual([{ key: expect.stringMatching(/^[\w-]{22}$/u), points: 5 }]);
  });

  it('go on in memory while the database is away, and say so once', async () => {
    const port = await freePort();
    const lines: string[] = [];
    const url = `postgres://someone:hunter2hunter2@127.0.0.1:${port}/none`;
    const limits = open({ kind: 'postgres', url, schema: SCHEMA }, 3, lines);
    const standings = [];
    for (let call = 0; call < 5; call += 1) standings.push(await limits.count('calls', caller));
    expect(standings.map(({ isOver }) => isOver)).toEqual([false, false, false, true, true]);
    expect(events(lines)).toEqual(['rate_limits_store_away']);
    expect(lines.join()).not.toContain('hunter2');
  });

  it('are for nobody but the gateway', async () => {
    const url = await databases.migrated();
    const rows = await databases.query<{ secured: boolean }>(
      url,
      `select relrowsecurity as secured from pg_class where oid = '${SCHEMA}.rate_limits'::regclass`,
    );
    expect(rows).toEqual([{ secured: true }]);
  });
});

const server = ['redis-server', 'valkey-server'].find(
  (name) => spawnSync(name, ['--version']).error === undefined,
);

// Needs a server that npm does not bring.
describe.skipIf(server === undefined)('rate limits in Redis', () => {
  const running: ChildProcess[] = [];
  let directory = '';
  let port = 0;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'redis-'));
    port = await freePort();
  });
  const end = async (): Promise<void> => {
    for (const child of running.splice(0)) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
  };
  afterEach(end);
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const start = async (): Promise<void> => {
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--requirepass', 'hunter2'];
    const child = spawn(server ?? '', args, { cwd: directory, stdio: ['ignore', 'pipe', 'ignore'] });
    running.push(child);
    let output = '';
    child.stdout?.on('data', (text) => (output += String(text)));
    await until('Redis is ready', () => /ready to accept connections/iu.test(output));
  };
  const store = (): RateLimitStore => ({
    kind: 'redis',
    url: `redis://:hunter2@127.0.0.1:${port}`,
    prefix: 'test',
  });

  it('M18 are shared exactly by two instances', async () => {
    await start();
    expect(await raceOnTwoInstances(store())).toBe(40);
  });

  it('go on in memory while it is away, share again when it is back, and tell of both without the password', async () => {
    const lines: string[] = [];
    const limits = open(store(), 1_000, lines);
    expect((await limits.count('calls', caller)).remaining).toBe(999);
    expect((await limits.count('calls', caller)).remaining).toBe(998);
    await start();
    await until('it is shared again', async () => {
      await limits.count('calls', { kind: 'user', sub: 'another' });
      return events(lines).includes('rate_limits_shared_again');
    });
    expect(events(lines)).toEqual(['rate_limits_store_away', 'rate_limits_shared_again']);
    expect(lines.join()).not.toContain('hunter2');
    expect((await limits.count('calls', caller)).remaining).toBe(999);
  });
});
