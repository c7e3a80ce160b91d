import { Client, escapeIdentifier } from 'pg';
import { systemCode } from '../core/errors.ts';
import { StartupError } from '../platform/startup-error.ts';

/** The tables of a backup, in the order in which a restore can fill them. */
export const recordTables = [
  'files',
  'provider_file_uploads',
  'idempotency_keys',
  'quotas',
  'audit',
  'auth_graces',
] as const;
export type RecordTable = (typeof recordTables)[number];

/** A session may hold a credential of an upload; what charges there are follows from the files; ids of audit are given anew. */
const LEFT_OUT: Readonly<Partial<Record<RecordTable, readonly string[]>>> = {
  provider_file_uploads: ['session', 'claimed_by', 'claimed_until'],
  quotas: ['charged_bytes', 'charged_files'],
  audit: ['id'],
};

/** Same bytes next to each other; the holder of a shared copy before those that it serves. */
const ORDER: Readonly<Partial<Record<RecordTable, string>>> = {
  files: 'order by sha256, id',
  provider_file_uploads: 'order by shares nulls first',
  audit: 'order by id',
};

const ROWS_AT_ONCE = 1_000;

/** The record as it was at one moment. */
export interface RecordSnapshot {
  readonly takenAt: Date;
  /** The migrations that had been applied. */
  readonly migrations: readonly string[];
  columns(table: RecordTable): Promise<readonly string[]>;
  /** Each row as one line of JSON. To be read to the end before another is begun. */
  rows(table: RecordTable): AsyncIterable<string>;
}

export interface RecordSource {
  readonly url: string;
  readonly schema: string;
}

/** Reads the whole record in one transaction, on a connection of its own, while others go on working. */
export const readSnapshot = async <T>(
  { url, schema }: RecordSource,
  read: (snapshot: RecordSnapshot) => Promise<T>,
): Promise<T> => {
  const client = new Client({ connectionString: url, application_name: 'waybill-backup' });
  // What it says is said by the statement that is waited for, too.
  client.on('error', () => undefined);
  await client.connect().catch((error) => {
    const reason = systemCode(error) ?? 'no answer';
    throw new StartupError(
      `The database cannot be reached (${reason}): check DATABASE_URL and that it runs.`,
      {
        cause: error,
      },
    );
  });
  try {
    await client.query('begin isolation level repeatable read read only');
    const nameOf = (table: string): string => `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`;
    const { rows: times } = await client.query<{ at: Date }>('select now() as at');
    const { rows: applied } = await client.query<{ name: string }>(
      `select name from ${nameOf('schema_migrations')} order by name`,
    );
    return await read({
      takenAt: times[0]?.at ?? new Date(),
      migrations: applied.map(({ name }) => name),
      columns: async (table) => {
        const { rows } = await client.query<{ name: string }>(
          `select column_name as name from information_schema.columns
           where table_schema = $1 and table_name = $2 and column_name <> all ($3) order by ordinal_position`,
          [schema, table, LEFT_OUT[table] ?? []],
        );
        return rows.map(({ name }) => name);
      },
      rows: (table) => readRows(client, table, nameOf(table)),
    });
  } finally {
    await client.end();
  }
};

async function* readRows(client: Client, table: RecordTable, name: string): AsyncGenerator<string> {
  const left = `{${(LEFT_OUT[table] ?? []).join(',')}}`;
  await client.query(
    `declare exported no scroll cursor for
     select (to_jsonb(one) - '${left}'::text[])::text as line from ${name} as one ${ORDER[table] ?? ''}`,
  );
  while (true) {
    const { rows } = await client.query<{ line: string }>(`fetch ${ROWS_AT_ONCE} from exported`);
    for (const { line } of rows) yield line;
    if (rows.length < ROWS_AT_ONCE) break;
  }
  await client.query('close exported');
}
