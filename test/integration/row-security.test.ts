import { randomUUID } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { systemCode } from '../../src/core/errors.ts';
import { migrate } from '../../src/platform/migrate.ts';
import type { Tables } from '../../src/platform/tables.ts';
import { insertDeliveries } from '../../src/tracking/deliveries.ts';
import { newDelivery, recordFile } from './support/record-samples.ts';
import { SUPABASE_ROLES } from './support/supabase-roles.ts';
import { SCHEMA, useTestDatabases } from './support/test-databases.ts';

const databases = useTestDatabases({ queues: false });

type Role = 'anon' | 'authenticated' | 'service_role';
const ROLES: readonly Role[] = ['anon', 'authenticated', 'service_role'];
const DENIED = '42501';
const FILE_COLUMNS =
  'id, owner, filename, media_type, bytes, sha256, purpose, status, status_details, created_at, expires_at';
const COPY_COLUMNS = `id, file_id, provider, provider_file_id, purpose, status, reason, attempts, bytes_sent, error_code,
  error_message, last_used_at, expires_at, created_at, updated_at`;

/** A database of a Supabase project that Waybill has been started on. */
const makeProject = async (schema = SCHEMA): Promise<string> => {
  const url = await databases.empty();
  await databases.query(url, SUPABASE_ROLES);
  await migrate(databases.open(url, schema), schema);
  return url;
};

let shared: Promise<string> | undefined;
/** One for all tests that leave its tables as they are. */
const theProject = (): Promise<string> => {
  shared ??= makeProject();
  return shared;
};

/** Two users with two files each, whom no other test has. */
const project = async (url: Promise<string> = theProject(), schema = SCHEMA) => {
  const database = databases.open(await url, schema);
  const userWithFiles = async () => {
    const owner = `user-${randomUUID()}`;
    const made = [await recordFile(database, { owner }), await recordFile(database, { owner })];
    for (const { id } of made) await insertDeliveries(database, [newDelivery(id)]);
    return { owner, files: made.map(({ id }) => id).sort() };
  };
  return { url: await url, database, anna: await userWithFiles(), ben: await userWithFiles() };
};

/** Runs a statement as PostgREST does: a transaction with the role and the verified claims of the request. */
const as = <Row>(
  database: Kysely<Tables>,
  role: Role,
  claims: string | null,
  statement: string,
): Promise<Row[]> =>
  database.transaction().execute(async (trx) => {
    await sql`select set_config('role', ${role}, true)`.execute(trx);
    if (claims !== null) await sql`select set_config('request.jwt.claims', ${claims}, true)`.execute(trx);
    return (await sql.raw<Row>(statement).execute(trx)).rows;
  });

const claimsOf = (sub: unknown): string =>
  JSON.stringify({ role: 'authenticated', aud: 'authenticated', sub });

const idsSeen = async (database: Kysely<Tables>, role: Role, claims: string | null, schema = SCHEMA) => {
  const files = await as<{ id: string }>(
    database,
    role,
    claims,
    `select id from "${schema}".files order by id`,
  );
  const copies = `select file_id from "${schema}".provider_file_uploads order by file_id`;
  return {
    files: files.map(({ id }) => id),
    copies: (await as<{ file_id: string }>(database, role, claims, copies)).map(({ file_id }) => file_id),
  };
};

const refusal = (attempt: Promise<unknown>): Promise<string | null> =>
  attempt.then(
    () => null,
    (error) => systemCode(error) ?? String(error),
  );

describe('a user of PostgREST', () => {
  it('sees exactly the own files and copies, whatever is asked for', async () => {
    const { database, anna, ben } = await project();
    for (const { owner, files } of [anna, ben]) {
      expect(await idsSeen(database, 'authenticated', claimsOf(owner))).toEqual({ files, copies: files });
    }
    const asked = `select ${FILE_COLUMNS} from waybill.files where owner = '${ben.owner}' or true`;
    const rows = await as<{ owner: string }>(database, 'authenticated', claimsOf(anna.owner), asked);
    expect(rows.map(({ owner }) => owner)).toEqual([anna.owner, anna.owner]);
    const copies = `select ${COPY_COLUMNS} from waybill.provider_file_uploads where file_id = '${ben.files[0]}'`;
    expect(await as(database, 'authenticated', claimsOf(anna.owner), copies)).toEqual([]);
  });

  it('sees no file that is deleted, and no copy that is', async () => {
    const { database, anna } = await project();
    const seen = () => idsSeen(database, 'authenticated', claimsOf(anna.owner));
    const [gone, kept] = anna.files;
    await sql`update waybill.files set deleted_at = now() where id = ${gone}`.execute(database);
    expect(await seen()).toEqual({ files: [kept], copies: [kept] });
    await sql`update waybill.provider_file_uploads set status = 'deleted' where file_id = ${kept}`.execute(
      database,
    );
    expect(await seen()).toEqual({ files: [kept], copies: [] });
  });

  it.each<[string, (owner: string) => string | null]>([
    ['no claims', () => null],
    ['empty claims', () => ''],
    ['claims of null', () => 'null'],
    ['claims that are a list', (owner) => JSON.stringify([{ sub: owner }])],
    ['claims that are a text', (owner) => JSON.stringify(owner)],
    ['no sub', () => '{"role":"authenticated"}'],
    ['a sub of null', () => claimsOf(null)],
    ['a sub that is a number', () => claimsOf(5)],
    ['a sub that is a list', (owner) => claimsOf([owner])],
    ['a sub that is an object', (owner) => claimsOf({ sub: owner })],
    ['an empty sub', () => claimsOf('')],
    ['a sub in another case', (owner) => claimsOf(owner.toUpperCase())],
    ['a sub with a space behind', (owner) => claimsOf(`${owner} `)],
    ['SQL in the sub', (owner) => claimsOf(`${owner}' or true --`)],
    ['more SQL in the sub', () => claimsOf("x'); drop table waybill.files; --")],
    ['a pattern in the sub', () => claimsOf('%')],
  ])('sees nothing by %s', async (_name, claims) => {
    const { database, anna } = await project();
    await recordFile(database, { owner: '5' });
    expect(await idsSeen(database, 'authenticated', claims(anna.owner))).toEqual({ files: [], copies: [] });
  });

  it('sees nothing by claims that are not JSON', async () => {
    const { database, anna } = await project();
    expect(await refusal(idsSeen(database, 'authenticated', `{sub: ${anna.owner}`))).toBe('22P02');
  });

  it('sees nothing when not signed in, without an error, even by the claims of a user', async () => {
    const { database, anna } = await project();
    for (const claims of [null, '', '{sub: anna', claimsOf(anna.owner)]) {
      expect(await idsSeen(database, 'anon', claims)).toEqual({ files: [], copies: [] });
    }
  });

  it.each(ROLES)('changes nothing as %s', async (role) => {
    const { database, anna } = await project();
    const claims = claimsOf(anna.owner);
    for (const statement of [
      `update waybill.files set filename = 'x' where id = '${anna.files[0]}'`,
      `delete from waybill.files where id = '${anna.files[0]}'`,
      `insert into waybill.files (id, owner, filename, media_type, bytes, sha256, purpose, status, blob_key)
         values ('file-x', '${anna.owner}', 'x', 'text/plain', 1, repeat('a', 64), 'user_data', 'uploaded', 'x')`,
      `update waybill.provider_file_uploads set status = 'completed'`,
      'delete from waybill.provider_file_uploads',
      'truncate waybill.files cascade',
      'create table waybill.mine (id int)',
      'alter table waybill.files disable row level security',
    ]) {
      expect([statement, await refusal(as(database, role, claims, statement))]).toEqual([statement, DENIED]);
    }
    expect((await idsSeen(database, 'authenticated', claims)).files).toEqual(anna.files);
  });

  it.each(ROLES)('reads no column or table that is not meant to be read, as %s', async (role) => {
    const { url, database, anna } = await project();
    const columns = await databases.query<{ table: string; column: string }>(
      url,
      `select table_name as table, column_name as column from information_schema.columns where table_schema = 'waybill'`,
    );
    const meant = new Set([
      ...FILE_COLUMNS.split(/,\s*/u).map((name) => `files.${name}`),
      ...COPY_COLUMNS.split(/,\s*/u).map((name) => `provider_file_uploads.${name}`),
    ]);
    const open = role === 'service_role' ? ['quotas', 'audit'] : [];
    for (const { table, column } of columns) {
      const statement = `select "${column}" from waybill."${table}"`;
      const isMeant = meant.has(`${table}.${column}`) || open.includes(table);
      const code = await refusal(as(database, role, claimsOf(anna.owner), statement));
      expect([statement, code]).toEqual([statement, isMeant ? null : DENIED]);
    }
  });
});

describe('the service role', () => {
  it('sees the files of everybody', async () => {
    const { database, anna, ben } = await project();
    const all = expect.arrayContaining([...anna.files, ...ben.files]);
    expect(await idsSeen(database, 'service_role', null)).toEqual({ files: all, copies: all });
  });
});

describe('row-level security', () => {
  it('holds in a schema of another name', async () => {
    const { database, anna } = await project(makeProject('tenant_1'), 'tenant_1');
    const seen = await idsSeen(database, 'authenticated', claimsOf(anna.owner), 'tenant_1');
    expect(seen).toEqual({ files: anna.files, copies: anna.files });
    expect((await idsSeen(database, 'anon', claimsOf(anna.owner), 'tenant_1')).files).toEqual([]);
  });

  it("grants nothing on tables that are yet to come, and keeps Waybill's notes from roles granted everything", async () => {
    const { url, database, anna } = await project(makeProject());
    const claims = claimsOf(anna.owner);
    await databases.query(url, 'create table waybill.later as select 1 as secret');
    for (const role of ROLES) {
      expect(await refusal(as(database, role, claims, 'select * from waybill.later'))).toBe(DENIED);
    }
    await databases.query(url, 'grant all on all tables in schema waybill to anon, authenticated');
    for (const role of ['anon', 'authenticated'] as const) {
      expect(await as(database, role, claims, 'select * from waybill.schema_migrations')).toEqual([]);
    }
  });

  it("is not in the gateway's own way", async () => {
    const { url, anna, ben } = await project();
    const plan = await databases.query(url, 'explain select id from waybill.files');
    expect(JSON.stringify(plan)).not.toMatch(/claims|Filter/u);
    const rows = (await databases.query<{ id: string }>(url, 'select id from waybill.files')).map(
      ({ id }) => id,
    );
    expect(rows).toEqual(expect.arrayContaining([...anna.files, ...ben.files]));
  });

  it('finds the own rows by their indexes among those of many', async () => {
    const { url, database } = await project(makeProject());
    await databases.query(
      url,
      `alter table waybill.files disable trigger user;
       insert into waybill.files (id, owner, filename, media_type, bytes, sha256, purpose, status, blob_key)
         select 'file-' || n, 'user-' || n / 5, 'x', 'text/plain', 1, repeat('a', 64), 'user_data', 'uploaded', 'blob-' || n
         from generate_series(1, 20000) as n;
       insert into waybill.provider_file_uploads (id, file_id, provider, account, purpose, status, reason)
         select gen_random_uuid(), id, 'kimi', 'account-1', 'file-extract', 'completed', '' from waybill.files
         where blob_key like 'blob-%';
       analyze waybill.files, waybill.provider_file_uploads`,
    );
    const planOf = async (table: string): Promise<string> => {
      const statement = `explain (analyze, timing off, summary off) select id from waybill.${table}`;
      return JSON.stringify(await as(database, 'authenticated', claimsOf('user-77'), statement), null, 1);
    };
    // Any of the indexes that begin with the owner will do.
    const files = await planOf('files');
    expect(files).toMatch(/Index (Only )?Scan (using|on) files_by_/u);
    expect(files).not.toContain('Seq Scan');
    const copies = await planOf('provider_file_uploads');
    expect(copies).toMatch(/Index (Only )?Scan using provider_file_uploads_(by_file|once)/u);
    expect(copies).not.toContain('Seq Scan');
  });
});
