/** docs/supabase.md, with everything in it that can be run: a gateway on a project's database through a transaction pooler. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApi } from '../support/create-api.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { startTransactionPooler, type TransactionPooler } from '../support/transaction-pooler.ts';
import { until } from '../support/until.ts';

const GUIDE = readFileSync(join(import.meta.dirname, '../../docs/supabase.md'), 'utf8');
const blocksOf = (language: string): string[] =>
  [...GUIDE.matchAll(/```(\w+)\n([\s\S]*?)```/gu)].flatMap(([, found, text = '']) =>
    found === language ? [text] : [],
  );
const USER = '00000000-0000-0000-0000-000000000000';

let pooler: TransactionPooler;
let gateway: GatewayProcess;
let client: Client;

beforeAll(async () => {
  // Only its database server is of use here.
  const server = await startGateway();
  const url = new URL(readFileSync(join(server.dataDir, 'postgres/postgres-url'), 'utf8'));
  await server.query('create database project');
  await server.query(
    'create role postgres nologin; create role anon nologin; create role authenticated nologin; create role service_role nologin bypassrls',
  );
  url.pathname = '/project';
  pooler = await startTransactionPooler(url.href);
  gateway = await startGateway({
    env: { DATABASE_URL: pooler.url, JWT_SECRET_KEY: JWT_SECRET, RATE_LIMIT_PER_MINUTE: '600' },
  });
  client = new Client({ connectionString: url.href });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await gateway.stop();
  await pooler.close();
});

/** What PostgREST answers a user, or nobody, with. */
const read = async <Row extends object>(
  role: string,
  sub: string | null,
  statement: string,
): Promise<Row[]> => {
  await client.query('begin');
  try {
    await client.query("select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)", [
      role,
      sub === null ? '' : JSON.stringify({ sub, role }),
    ]);
    return (await client.query<Row>(statement)).rows;
  } finally {
    await client.query('rollback');
  }
};

describe('a gateway on Supabase', () => {
  it('takes files through a transaction pooler, and shows each user the own ones in the database', async () => {
    const [own, others] = [await signToken({ sub: USER }), await signToken({ sub: 'somebody-else' })];
    const api = createApi(gateway, own);
    const uploads = await Promise.all(
      Array.from({ length: 6 }, (_, n) =>
        api.upload({ text: `text ${n}`, filename: `own-${n}.txt`, query: 'provider=kimi' }),
      ),
    );
    expect(uploads.map(({ status }) => status)).toEqual(uploads.map(() => 200));
    expect(
      (await createApi(gateway, others).upload({ text: 'x', filename: 'other.txt', query: 'provider=none' }))
        .status,
    ).toBe(200);
    const [select = ''] = /\.select\('([^']*)'\)/u.exec(GUIDE)?.slice(1) ?? [];
    const [, columns = '', copyColumns = ''] = /^(.*), provider_file_uploads\((.*)\)$/u.exec(select) ?? [];
    const files = await read<{ filename: string }>(
      'authenticated',
      USER,
      `select ${columns} from waybill.files order by filename`,
    );
    expect(files.map(({ filename }) => filename)).toEqual(uploads.map((_, n) => `own-${n}.txt`));
    const copies = `select ${copyColumns} from waybill.provider_file_uploads`;
    await until('every copy is known to be there', async () => {
      const rows = await read<{ status: string }>('authenticated', USER, copies);
      return rows.length === 6 && rows.every(({ status }) => status === 'completed');
    });
    expect(await read('anon', null, `select ${columns} from waybill.files`)).toEqual([]);
    const [deleted] = uploads;
    const { id } = deleted?.json<{ id: string }>() ?? {};
    expect((await api.call('DELETE', `/v1/files/${id}`)).status).toBe(200);
    const left = await read<{ id: string }>('authenticated', USER, 'select id from waybill.files');
    expect(left.map((file) => file.id)).not.toContain(id);
    expect(left).toHaveLength(5);
  });

  it('has a guide whose SQL runs as it is, and whose columns are those that may be read', async () => {
    const results = [];
    for (const block of blocksOf('sql')) results.push((await client.query(block)) as unknown);
    const rows = results.flat().flatMap((result) => (result as { rows: object[] }).rows);
    expect(rows.length).toBeGreaterThan(0);
    const tables = [...GUIDE.matchAll(/^\| `(files|provider_file_uploads)` \| (.*) \|$/gmu)];
    expect(tables).toHaveLength(2);
    for (const [, table = '', columns = ''] of tables) {
      await expect(
        read('authenticated', USER, `select ${columns} from waybill.${table}`),
      ).resolves.toBeDefined();
      const granted = await client.query<{ columns: string }>(
        `select string_agg(column_name, ', ' order by ordinal_position) as columns from information_schema.column_privileges
           join information_schema.columns using (table_schema, table_name, column_name)
         where table_schema = 'waybill' and table_name = $1 and grantee = 'authenticated'`,
        [table],
      );
      const sorted = (list = '') => list.split(', ').sort();
      expect(sorted(columns)).toEqual(sorted(granted.rows[0]?.columns));
    }
  });

  it('has a guide whose settings are ones that there are', () => {
    const names = blocksOf('sh').flatMap((block) =>
      [...block.matchAll(/^([A-Z0-9_]+)=/gmu)].map(([, name]) => name),
    );
    const documented = readFileSync(join(import.meta.dirname, '../../docs/configuration.md'), 'utf8');
    expect(names.length).toBeGreaterThan(8);
    expect(names.filter((name) => !documented.includes(`| \`${name}\` |`))).toEqual([]);
  });
});
