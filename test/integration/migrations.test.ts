import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { systemCode } from '../../src/core/errors.ts';
import { migrate } from '../../src/platform/migrate.ts';
import { StartupError } from '../../src/platform/startup-error.ts';
import { insertDeliveries } from '../../src/tracking/deliveries.ts';
import { insertFile, newDelivery, newFile } from './support/record-samples.ts';
import { SCHEMA, useTestDatabases } from './support/test-databases.ts';

const databases = useTestDatabases({ queues: false });

const tablesOf = async (url: string, schema: string): Promise<string[]> => {
  const statement = `select table_name from information_schema.tables where table_schema = $1
    and table_name not like 'schema_migrations%' order by 1`;
  return (await databases.query<{ table_name: string }>(url, statement, [schema])).map(
    ({ table_name }) => table_name,
  );
};

describe('migrating', () => {
  it('makes the tables once, and finds nothing to do the second time', async () => {
    const url = await databases.empty();
    const database = databases.open(url);
    const first = await migrate(database, SCHEMA);
    expect(first[0]).toBe('20261123000000_files');
    expect(await tablesOf(url, SCHEMA)).toEqual(expect.arrayContaining(['files', 'provider_file_uploads']));
    await insertFile(database, newFile());
    expect(await migrate(database, SCHEMA)).toEqual([]);
    expect(await databases.query(url, 'select id from waybill.files')).toHaveLength(1);
  });

  it('is done by one of several instances that start at once, and the others wait for it', async () => {
    const url = await databases.empty();
    const pools = Array.from({ length: 8 }, () => databases.open(url));
    const applied = await Promise.all(pools.map((pool) => migrate(pool, SCHEMA)));
    expect(applied.flat()).toEqual([...new Set(applied.flat())]);
    expect(applied.flat()).toContain('20261123000000_files');
    for (const pool of pools) await insertFile(pool, newFile());
  });

  it.each(['tenant_1', 'user', 'x'.repeat(41)])('fits another name of the schema: %s', async (schema) => {
    const url = await databases.empty();
    const database = databases.open(url, schema);
    await migrate(database, schema);
    expect(await tablesOf(url, schema)).toEqual(expect.arrayContaining(['files', 'provider_file_uploads']));
    expect(await tablesOf(url, SCHEMA)).toEqual([]);
    const { id } = await insertFile(database, newFile());
    expect(await insertDeliveries(database, [newDelivery(id)])).toHaveLength(1);
  });

  it('lets two gateways share a database under two names', async () => {
    const url = await databases.empty();
    const [one, two] = [databases.open(url, 'one'), databases.open(url, 'two')];
    await Promise.all([migrate(one, 'one'), migrate(two, 'two')]);
    await insertFile(one, newFile());
    expect(await two.selectFrom('files').selectAll().execute()).toEqual([]);
  });

  it('that fails leaves nothing of the file behind, and goes through once the cause is gone', async () => {
    const url = await databases.empty();
    await databases.query(url, 'create schema waybill');
    await databases.query(url, 'create table waybill.provider_file_uploads (in_the_way int)');
    const database = databases.open(url);
    const error = await migrate(database, SCHEMA).catch((reason: unknown) => reason);
    expect(systemCode(error)).toBe('42P07');
    expect(await tablesOf(url, SCHEMA)).toEqual(['provider_file_uploads']);
    await databases.query(url, 'drop table waybill.provider_file_uploads');
    expect(await migrate(database, SCHEMA)).toContain('20261123000000_files');
  });
});

describe('a schema that a newer version has migrated', () => {
  it('is refused by name, and left as it is', async () => {
    const url = await databases.empty();
    const database = databases.open(url);
    await migrate(database, SCHEMA);
    const newer =
      "insert into waybill.schema_migrations values ('20991231000000_wings', '2099-12-31T00:00:00.000Z')";
    await databases.query(url, newer);
    const error = await migrate(database, SCHEMA).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StartupError);
    expect(error).toMatchObject({ message: expect.stringContaining('20991231000000_wings') });
    await databases.query(url, "delete from waybill.schema_migrations where name = '20991231000000_wings'");
    expect(await migrate(database, SCHEMA)).toEqual([]);
  });
});

describe('the tables', () => {
  /** The SQLSTATE with which a change is refused; null when it is not. */
  const refusal = async (change: Promise<unknown>): Promise<string | null> =>
    change.then(
      () => null,
      (error) => systemCode(error) ?? String(error),
    );
  const CHECK = '23514';
  const UNIQUE = '23505';
  const FOREIGN_KEY = '23503';

  it.each<[string, Parameters<typeof newFile>[0]]>([
    ['an empty file', { sizeBytes: 0 }],
    ['a negative size', { sizeBytes: -1 }],
    ['a hash in capitals', { sha256: 'A'.repeat(64) }],
    ['a short hash', { sha256: 'a'.repeat(63) }],
    ['an unknown status', { status: 'lost' as 'error' }],
  ])('refuse %s', async (_name, overrides) => {
    const database = databases.open(await databases.migrated());
    expect(await refusal(insertFile(database, newFile(overrides)))).toBe(CHECK);
  });

  it('hold a file larger than 2^31 bytes, and tell its size as a number', async () => {
    const database = databases.open(await databases.migrated());
    expect((await insertFile(database, newFile({ sizeBytes: 2 ** 43 }))).sizeBytes).toBe(2 ** 43);
  });

  it('refuse a second file of the same id or blob', async () => {
    const database = databases.open(await databases.migrated());
    const { id, blobKey } = await insertFile(database, newFile());
    expect(await refusal(insertFile(database, newFile({ id })))).toBe(UNIQUE);
    expect(await refusal(insertFile(database, newFile({ blobKey })))).toBe(UNIQUE);
  });

  it('refuse a delivery without a file, and one of impossible numbers or states', async () => {
    const database = databases.open(await databases.migrated());
    expect(await refusal(insertDeliveries(database, [newDelivery('file-none')]))).toBe(FOREIGN_KEY);
    const { id } = await insertFile(database, newFile());
    await insertDeliveries(database, [newDelivery(id)]);
    for (const change of ["status = 'lost'", 'attempts = -1', 'bytes_sent = -1']) {
      const statement = sql`update ${sql.table(`${SCHEMA}.provider_file_uploads`)} set ${sql.raw(change)}`;
      expect(await refusal(statement.execute(database))).toBe(CHECK);
    }
  });

  it('refuse that a file with deliveries is taken from under them', async () => {
    const database = databases.open(await databases.migrated());
    const { id } = await insertFile(database, newFile());
    await insertDeliveries(database, [newDelivery(id)]);
    expect(await refusal(database.deleteFrom('files').execute())).toBe(FOREIGN_KEY);
  });

  it('show nothing to a role that has no policy, however much it is granted', async () => {
    const url = await databases.migrated();
    const { id } = await insertFile(databases.open(url), newFile());
    await insertDeliveries(databases.open(url), [newDelivery(id)]);
    const secured = await databases.query<{ relname: string; relrowsecurity: boolean }>(
      url,
      `select relname, relrowsecurity from pg_class where relnamespace = 'waybill'::regnamespace and relkind = 'r'
       and relname not like 'schema_migrations%' order by 1`,
    );
    expect(secured.length).toBeGreaterThanOrEqual(2);
    expect(secured.filter(({ relrowsecurity }) => !relrowsecurity)).toEqual([]);
    await databases.query(
      url,
      `do $$ begin if not exists (select from pg_roles where rolname = 'stranger') then create role stranger; end if; end $$`,
    );
    await databases.query(url, 'grant usage on schema waybill to stranger');
    await databases.query(url, 'grant all on all tables in schema waybill to stranger');
    const database = databases.open(url);
    await database.transaction().execute(async (trx) => {
      await sql`set local role stranger`.execute(trx);
      for (const { relname } of secured) {
        const { rows } = await sql`select * from ${sql.table(`${SCHEMA}.${relname}`)}`.execute(trx);
        expect([relname, rows]).toEqual([relname, []]);
      }
    });
    expect(await database.selectFrom('files').select('id').execute()).toEqual([{ id }]);
  });
});
