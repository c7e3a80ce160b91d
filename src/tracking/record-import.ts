import { sql } from 'kysely';
import type { Queryable } from '../platform/database.ts';
import type { RecordTable } from './record-export.ts';

/** The migrations that have been applied, in their order. */
export const appliedMigrations = async (db: Queryable, schema: string): Promise<readonly string[]> => {
  const { rows } = await sql<{
    name: string;
  }>`select name from ${sql.table(`${schema}.schema_migrations`)} order by name`.execute(db);
  return rows.map(({ name }) => name);
};

/** Keeps everybody else from changing files until the transaction ends, and answers whether there are none, nor ever were. */
export const lockEmptyRecord = async (db: Queryable, schema: string): Promise<boolean> => {
  await sql`lock table ${sql.table(`${schema}.files`)}, ${sql.table(`${schema}.uploads`)} in exclusive mode`.execute(
    db,
  );
  return await isRecordEmpty(db);
};

/** Whether nothing has been uploaded or restored here. */
export const isRecordEmpty = async (db: Queryable): Promise<boolean> => {
  const files = await db.selectFrom('files').select('id').limit(1).executeTakeFirst();
  const uploads = await db.selectFrom('uploads').select('id').limit(1).executeTakeFirst();
  const restored = await db.selectFrom('restored').select('at').executeTakeFirst();
  return files === undefined && uploads === undefined && restored === undefined;
};

/** Inserts rows that `readSnapshot` gave, at most some thousand at once. Columns that are not named get their defaults. */
export const insertRecord = async (
  db: Queryable,
  { schema, table, columns }: { schema: string; table: RecordTable; columns: readonly string[] },
  lines: readonly string[],
): Promise<void> => {
  const name = sql.table(`${schema}.${table}`);
  const rows = sql`jsonb_populate_recordset(null::${name}, ${`[${lines.join(',')}]`}::jsonb)`;
  // A file comes into room that is reserved for it.
  if (table === 'files')
    await sql`insert into ${sql.table(`${schema}.reservations`)} (id, owner, bytes) select id, owner, bytes from ${rows}`.execute(
      db,
    );
  const named = sql.join(columns.map((column) => sql.ref(column)));
  // Limits and graces may have been made by a start of the empty installation.
  await sql`insert into ${name} (${named}) select ${named} from ${rows} ${table === 'auth_graces' || table === 'quotas' ? sql`on conflict do nothing` : sql``}`.execute(
    db,
  );
};

/** Charges every owner for the files that are there. */
export const chargeOwners = async (db: Queryable, schema: string): Promise<void> => {
  await sql`
    insert into ${sql.table(`${schema}.quotas`)} (owner, charged_bytes, charged_files)
    select owner, sum(bytes), count(*) from ${sql.table(`${schema}.files`)} where deleted_at is null group by owner
    on conflict (owner) do update set charged_bytes = excluded.charged_bytes, charged_files = excluded.charged_files
  `.execute(db);
};

/** Who was sending when the backup was made sends no more: such deliveries wait, and may have left a copy. */
export const releaseSenders = async (db: Queryable): Promise<void> => {
  await db
    .updateTable('provider_file_uploads')
    .set({ status: 'pending', doubt: 'look', updated_at: sql<Date>`now()` })
    .where('status', '=', 'uploading')
    .execute();
};

/** Turns files into tombstones, whoever owns them. */
export const markDeleted = async (db: Queryable, ids: readonly string[]): Promise<void> => {
  await db
    .updateTable('files')
    .set({ deleted_at: sql<Date>`now()` })
    .where('id', '=', sql<string>`any(${ids})`)
    .where('deleted_at', 'is', null)
    .execute();
};

/** What has still to happen to copies: those that wait, are processed, evicted or are to go. In pages by id. */
export const unsettledCopies = (db: Queryable, after: string | null, limit: number) =>
  db
    .selectFrom('provider_file_uploads')
    .select(['id', 'file_id', 'provider', 'status'])
    .where(({ or, and, eb }) =>
      or([
        eb('status', 'in', ['pending', 'processing', 'deleting']),
        and([eb('status', '=', 'evicted'), eb('provider_file_id', 'is not', null)]),
      ]),
    )
    .$if(after !== null, (query) => query.where('id', '>', after))
    .orderBy('id')
    .limit(limit)
    .execute();
