/** Migrations in Supabase's layout: applied by its CLI or by the gateway, in any order, and never twice. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { systemCode } from '../../src/core/errors.ts';
import { migrate } from '../../src/platform/migrate.ts';
import { recordFile } from './support/record-samples.ts';
import { SUPABASE_ROLES } from './support/supabase-roles.ts';
import { SCHEMA, useTestDatabases } from './support/test-databases.ts';

const databases = useTestDatabases({ queues: false });
const DIRECTORY = join(import.meta.dirname, '../../migrations');
const FILES = (await readdir(DIRECTORY)).sort();
const NAMES = FILES.map((file) => file.replace('.sql', ''));
const [FIRST = ''] = FILES;
const HISTORY = 'supabase_migrations.schema_migrations';

const openHistory = (url: string): Promise<unknown> =>
  databases.query(
    url,
    `create schema if not exists supabase_migrations;
     create table if not exists ${HISTORY} (version text not null primary key);
     alter table ${HISTORY} add column if not exists statements text[];
     alter table ${HISTORY} add column if not exists name text`,
  );

const write = (client: Client, file: string, text: string) => {
  const [, version, name] = /^(\d+)_(.*)\.sql$/u.exec(file) ?? [];
  const statement = `insert into ${HISTORY} (version, name, statements) values ($1, $2, $3)`;
  return client.query(statement, [version, name, [text]]);
};

/** As `supabase db push` does: a transaction for each file whose version is not in the history, which it then is. */
const push = async (url: string, files: readonly string[]): Promise<string[]> => {
  await openHistory(url);
  const done = await databases.query<{ version: string }>(url, `select version from ${HISTORY}`);
  const pending = files.filter((file) => !done.some(({ version }) => file.startsWith(`${version}_`)));
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    for (const file of pending) {
      const text = await readFile(join(DIRECTORY, file), 'utf8');
      await client.query('begin');
      await client.query(text);
      await write(client, file, text);
      await client.query('commit');
    }
  } finally {
    await client.end();
  }
  return pending;
};

const project = async (): Promise<string> => {
  const url = await databases.empty();
  await databases.query(url, SUPABASE_ROLES);
  return url;
};

const historyOf = async (url: string): Promise<string[]> => {
  const statement = `select version || '_' || name as name from ${HISTORY} order by version`;
  return (await databases.query<{ name: string }>(url, statement)).map(({ name }) => name);
};

describe('a database that Supabase’s CLI has migrated', () => {
  it('is taken as it is, and works', async () => {
    const url = await project();
    await push(url, FILES);
    const database = databases.open(url);
    expect(await migrate(database, SCHEMA)).toEqual([]);
    expect(await migrate(database, SCHEMA)).toEqual([]);
    await recordFile(database);
    const notes = `select relname from pg_class where relnamespace = 'waybill'::regnamespace and relkind = 'r'
      and relname = 'schema_migrations' and not relrowsecurity`;
    expect(await databases.query(url, notes)).toEqual([]);
  });

  it('gets the migrations that are newer, and the CLI finds nothing left to do', async () => {
    const url = await project();
    await push(url, FILES.slice(0, 3));
    expect(await migrate(databases.open(url), SCHEMA)).toEqual(NAMES.slice(3));
    expect(await historyOf(url)).toEqual(NAMES);
    expect(await push(url, FILES)).toEqual([]);
  });

  it('gets its own tables where the gateway uses another schema', async () => {
    const url = await project();
    await push(url, FILES);
    expect(await migrate(databases.open(url, 'tenant_1'), 'tenant_1')).toEqual(NAMES);
  });

  it('is migrated anew where only the history is left of it', async () => {
    const url = await project();
    await push(url, FILES);
    await databases.query(url, 'drop schema waybill cascade');
    expect(await migrate(databases.open(url), SCHEMA)).toEqual(NAMES);
  });
});

describe('a database that the gateway has migrated', () => {
  it('is not migrated again by the CLI, which stops and changes nothing', async () => {
    const url = await project();
    const database = databases.open(url);
    await migrate(database, SCHEMA);
    const { id } = await recordFile(database);
    expect(systemCode(await push(url, FILES).catch((reason: unknown) => reason))).toBe('42P07');
    expect(await historyOf(url)).toEqual([]);
    expect(await databases.query(url, 'select id from waybill.files')).toEqual([{ id }]);
  });

  it('is handed to the CLI by one word that the first has been applied', async () => {
    const url = await project();
    await migrate(databases.open(url), SCHEMA);
    await openHistory(url);
    const client = new Client({ connectionString: url });
    await client.connect();
    // As `supabase migration repair --status applied` does.
    await write(client, FIRST, '');
    await client.end();
    expect(await migrate(databases.open(url), SCHEMA)).toEqual([]);
    expect(await push(url, FILES)).toEqual([]);
  });

  it('leaves the history of a project alone that does not have its migrations', async () => {
    const url = await project();
    await openHistory(url);
    await databases.query(url, `insert into ${HISTORY} (version, name) values ('20260101000000', 'own')`);
    await migrate(databases.open(url), SCHEMA);
    expect(await historyOf(url)).toEqual(['20260101000000_own']);
  });

  it('leaves a history of an early CLI alone, which has no names', async () => {
    const url = await project();
    await databases.query(
      url,
      `create schema supabase_migrations; create table ${HISTORY} (version text not null primary key);
       insert into ${HISTORY} values ('20261123000000')`,
    );
    expect(await migrate(databases.open(url), SCHEMA)).toEqual(NAMES);
    expect(await databases.query(url, `select * from ${HISTORY}`)).toHaveLength(1);
  });
});
