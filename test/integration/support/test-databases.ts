import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kysely } from 'kysely';
import { Client } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { jobKinds } from '../../../src/pipeline/job-kinds.ts';
import { openDatabase } from '../../../src/platform/database.ts';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../src/platform/embedded-postgres/embedded-postgres.ts';
import { startJobs } from '../../../src/platform/jobs.ts';
import { migrate } from '../../../src/platform/migrate.ts';
import type { Tables } from '../../../src/platform/tables.ts';
import { preparePostgres } from '../../support/prepared-postgres.ts';

export const SCHEMA = 'waybill';
export const JOBS_SCHEMA = 'waybill_jobs';
const TEMPLATE = 'migrated';

export interface TestDatabases {
  /** The address of a new database as a gateway finds it at its second start. */
  migrated(): Promise<string>;
  /** The address of a new database with nothing in it. */
  empty(): Promise<string>;
  /** A pool on a database. It ends with the test. */
  open(url: string, schema?: string): Kysely<Tables>;
  /** The rows that a statement gives, on a connection of its own. */
  query<Row extends object>(url: string, statement: string, values?: readonly unknown[]): Promise<Row[]>;
}

export const log = pino({ level: 'silent' });

/**
 * One embedded Postgres for the test file that calls this, and a new database for each test that asks. A migrated
 * database is a clone of one that is made at the start, which takes a fraction of what migrating does; with `queues` it
 * has those of jobs too.
 */
export const useTestDatabases = ({ queues }: { queues: boolean }): TestDatabases => {
  const pools: Kysely<Tables>[] = [];
  let directory = '';
  let postgres: EmbeddedPostgres | undefined;
  let made = 0;

  const server = (): EmbeddedPostgres => {
    if (postgres === undefined) throw new Error('The server is there within tests only.');
    return postgres;
  };
  const addressOf = (database: string): string => {
    const url = new URL(server().url);
    url.pathname = `/${database}`;
    return url.href;
  };
  const create = async (name: string, template: string): Promise<string> => {
    await queryOnce(server().url, `create database ${name} template ${template}`, []);
    return addressOf(name);
  };
  const next = (template: string): Promise<string> => {
    made += 1;
    return create(`test_${made}`, template);
  };
  const open: TestDatabases['open'] = (url, schema = SCHEMA) => {
    const database = openDatabase({ url, schema, log });
    pools.push(database);
    return database;
  };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'test-databases-'));
    await preparePostgres(join(directory, 'postgres'));
    postgres = await startEmbeddedPostgres({ directory: join(directory, 'postgres'), log });
    // No test here cuts the power.
    await queryOnce(postgres.url, 'alter system set fsync = off');
    await queryOnce(postgres.url, 'select pg_reload_conf()');
    const url = await create(TEMPLATE, 'template1');
    const database = openDatabase({ url, schema: SCHEMA, log });
    await migrate(database, SCHEMA);
    await database.destroy();
    if (!queues) return;
    const jobs = await startJobs({ url, schema: JOBS_SCHEMA, kinds: jobKinds, log });
    await jobs.stop(0);
  });
  afterEach(async () => {
    await Promise.all(pools.splice(0).map((pool) => pool.destroy()));
  });
  afterAll(async () => {
    await postgres?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  return { migrated: () => next(TEMPLATE), empty: () => next('template1'), open, query: queryOnce };
};

const queryOnce = async <Row extends object>(
  url: string,
  statement: string,
  values: readonly unknown[] = [],
): Promise<Row[]> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(statement, [...values])).rows;
  } finally {
    await client.end();
  }
};
