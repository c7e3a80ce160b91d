/** Postgres through poolers: whatever the gateway does there must not rely on what a session keeps. */
import { sql } from 'kysely';
import { afterEach, describe, expect, it, test } from 'vitest';
import { pipeline, transact } from '../../src/platform/database.ts';
import { keepsSessions, settleDatabaseUrl } from '../../src/platform/database-url.ts';
import { type JobKind, startJobs } from '../../src/platform/jobs.ts';
import { migrate } from '../../src/platform/migrate.ts';
import { startTransactionPooler } from '../support/transaction-pooler.ts';
import { until } from '../support/until.ts';
import { PGBOUNCER, startPgbouncer } from './support/pgbouncer.ts';
import { insertFile, newFile } from './support/record-samples.ts';
import { JOBS_SCHEMA, log, SCHEMA, useTestDatabases } from './support/test-databases.ts';

const databases = useTestDatabases({ queues: true });
const KIND: JobKind<{ n: number }> = { queue: 'numbers', expireInSeconds: 60 };

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const POOLERS = [
  {
    name: 'one that never gives the same connection twice',
    start: startTransactionPooler,
    isThere: true,
    isShared: true,
  },
  {
    name: 'PgBouncer in transaction mode',
    start: (url: string) => startPgbouncer(url, 'transaction'),
    isThere: PGBOUNCER !== null,
    isShared: true,
  },
  {
    name: 'PgBouncer in session mode',
    start: (url: string) => startPgbouncer(url, 'session'),
    isThere: PGBOUNCER !== null,
    isShared: false,
  },
];

describe('the address of a database', () => {
  const encrypted = PGBOUNCER === null ? test.skip : test;
  encrypted(
    'encrypts by sslmode=require, and trusts nobody else by verify-full (with PgBouncer)',
    async () => {
      const url = await databases.empty();
      const pooler = await startPgbouncer(url, 'transaction', { isEncrypted: true });
      closing.push(() => pooler.close());
      const named = pooler.url.replace('127.0.0.1', 'localhost');
      const known = `sslmode=verify-full&sslrootcert=${pooler.authority}`;
      for (const address of [`${named}?sslmode=require`, `${named}?${known}`]) {
        const settled = await settleDatabaseUrl(address);
        await expect(sql`select 1`.execute(databases.open(settled))).resolves.toBeDefined();
      }
      await expect(settleDatabaseUrl(`${named}?sslmode=verify-full`)).rejects.toThrow(/certificate/u);
      await expect(settleDatabaseUrl(`${pooler.url}?${known}`)).rejects.toThrow(/altnames/u);
      await expect(settleDatabaseUrl(named)).rejects.toThrow(/SSL required/u);
    },
  );

  it('is as it was where there is no pooler', async () => {
    const url = await databases.empty();
    expect(await settleDatabaseUrl(url)).toBe(url);
    expect(keepsSessions(url)).toBe(true);
  });

  it('takes the word of one who says that there is a pooler', async () => {
    const told = await settleDatabaseUrl(`${await databases.empty()}?pgbouncer=true`);
    expect(keepsSessions(told)).toBe(false);
    await expect(sql`select 1`.execute(databases.open(told))).resolves.toBeDefined();
  });

  it('means by sslmode what libpq does: what cannot be encrypted is not connected to', async () => {
    const url = await databases.empty();
    for (const mode of ['require', 'verify-full', 'verify-full&sslrootcert=system']) {
      await expect(settleDatabaseUrl(`${url}?sslmode=${mode}`)).rejects.toThrow(/SSL/u);
    }
    await expect(settleDatabaseUrl(`${url}?sslmode=disable`)).resolves.toContain('sslmode=disable');
  });

  it('that nothing answers at is refused', async () => {
    await expect(settleDatabaseUrl('postgres://u:p@127.0.0.1:1/none')).rejects.toThrow();
  });
});

describe.each(POOLERS)('through $name', ({ start, isShared, isThere }) => {
  const it = isThere
    ? test
    : (name: string, _run: unknown) => test.skip(`${name} (PgBouncer is not installed)`);

  const through = async (url: string): Promise<string> => {
    const pooler = await start(url);
    closing.push(() => pooler.close());
    return settleDatabaseUrl(pooler.url);
  };

  it('it is noticed whether sessions last', async () => {
    expect(keepsSessions(await through(await databases.empty()))).toBe(!isShared);
  });

  it('migrations run once, by one of several that start at once, and leave no lock', async () => {
    const direct = await databases.empty();
    const url = await through(direct);
    const pools = Array.from({ length: 4 }, () => databases.open(url));
    const applied = (await Promise.all(pools.map((pool) => migrate(pool, SCHEMA)))).flat();
    expect(applied).toEqual([...new Set(applied)]);
    expect(applied).toContain('20261123000000_files');
    const locks = await databases.query(
      direct,
      `select from pg_locks where locktype = 'advisory'
      and database = (select oid from pg_database where datname = current_database())`,
    );
    expect(locks).toEqual([]);
  });

  it('a migration that fails leaves no lock that the next would wait for', async () => {
    const direct = await databases.empty();
    const database = databases.open(await through(direct));
    await databases.query(direct, 'create schema waybill; create table waybill.files (in_the_way int)');
    await expect(migrate(database, SCHEMA)).rejects.toThrow(/already exists/u);
    await databases.query(direct, 'drop table waybill.files');
    expect(await migrate(database, SCHEMA)).toContain('20261123000000_files');
  });

  it('transactions are whole, also those sent without waiting, many at once', async () => {
    const direct = await databases.migrated();
    const database = databases.open(await through(direct));
    const one = (n: number) => {
      const file = newFile({ owner: `user-${n}` });
      return transact(database, (trx) => insertFile(trx, file));
    };
    const other = (n: number) =>
      pipeline(database, async ({ send, commit }) => {
        const quota = { owner: `pipe-${n}`, limit_bytes: n, limit_files: null };
        const inserted = send(database.insertInto('quotas').values(quota).returning('owner'));
        const changed = send(
          database
            .updateTable('quotas')
            .set({ limit_files: n })
            .where('owner', '=', quota.owner)
            .returning('limit_files'),
        );
        if (n % 5 === 0) throw new Error('given up');
        await commit();
        return [await inserted, await changed];
      });
    const done = await Promise.allSettled(
      Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? one(n) : other(n))),
    );
    expect(done.filter(({ status }) => status === 'rejected')).toHaveLength(4);
    expect(await databases.query(direct, 'select id from waybill.files')).toHaveLength(20);
    const kept = await databases.query(
      direct,
      `select from waybill.quotas where owner like 'pipe-%' and limit_files = limit_bytes`,
    );
    expect(kept).toHaveLength(16);
  });

  it('jobs run soon after they are sent', async () => {
    const url = await through(await databases.migrated());
    const database = databases.open(url);
    const jobs = await startJobs({ url, schema: JOBS_SCHEMA, kinds: [KIND], log });
    closing.push(() => jobs.stop(0));
    const runs: number[] = [];
    await jobs.work(KIND, 2, async ({ n }) => void runs.push(n));
    for (const n of [1, 2, 3]) await transact(database, (trx) => jobs.send(trx, KIND, { n }));
    await jobs.sendEach(database, KIND, [{ n: 4 }]);
    await until('the jobs have run', () => runs.length === 4);
    expect(runs.sort()).toEqual([1, 2, 3, 4]);
  });
});
