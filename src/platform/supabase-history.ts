import { sql } from 'kysely';
import type { Queryable } from './database.ts';

/** Where it is written down which migrations have run, in the schema itself. */
export const MIGRATIONS_TABLE = 'schema_migrations';

/** What Supabase's CLI writes down. Source: supabase/cli, pkg/migration/history.go. */
const HISTORY = sql.table('supabase_migrations.schema_migrations');

/**
 * Takes over what Supabase's CLI has applied of the migrations of these names, so that it does not run twice. For the
 * schema that the files are written for, in a transaction that holds the lock for migrations.
 */
export const adoptSupabaseHistory = async (
  db: Queryable,
  schema: string,
  names: readonly string[],
): Promise<void> => {
  const applied = await appliedByCli(db, names);
  // A history that came without its tables tells nothing.
  if (applied.length === 0 || !(await isThere(db, schema, 'files'))) return;
  const table = sql.table(`${schema}.${MIGRATIONS_TABLE}`);
  // As Kysely makes it, which finds it made.
  await sql`create table if not exists ${table} (
    name varchar(255) primary key, timestamp varchar(255) not null
  )`.execute(db);
  await sql`insert into ${table} (name, timestamp)
    select name, ${new Date().toISOString()} from unnest(${applied}::text[]) as name
    on conflict do nothing`.execute(db);
  await sql`alter table ${table} enable row level security`.execute(db);
};

/**
 * Writes down for Supabase's CLI what has been applied here. Only where its history has any of these migrations: a project
 * that does not have the files would be refused its own migrations for lack of them.
 */
export const tellSupabaseHistory = async (
  db: Queryable,
  migrations: Readonly<Record<string, { readonly text: string }>>,
): Promise<void> => {
  const names = Object.keys(migrations);
  const told = new Set(await appliedByCli(db, names));
  if (told.size === 0) return;
  for (const name of names.filter((one) => !told.has(one))) {
    const [, version, title] = /^(\d+)_(.*)$/u.exec(name) ?? [];
    const statements = [migrations[name]?.text];
    await sql`insert into ${HISTORY} (version, name, statements)
      values (${version}, ${title}, ${statements}) on conflict do nothing`.execute(db);
  }
};

/** Those of the names that the CLI's history has, in their order; none where there is none that we may read and write. */
const appliedByCli = async (db: Queryable, names: readonly string[]): Promise<readonly string[]> => {
  if (!(await isThere(db, 'supabase_migrations', 'schema_migrations'))) return [];
  // Through JSON, because a history of an early CLI has no names.
  const { rows } = await sql<{ name: string }>`
    select version || '_' || (to_jsonb(history) ->> 'name') as name from ${HISTORY} as history order by 1
  `.execute(db);
  const ours = new Set(names);
  return rows.map(({ name }) => name).filter((name) => ours.has(name));
};

const isThere = async (db: Queryable, schema: string, table: string): Promise<boolean> => {
  const { rows } = await sql`
    select from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = ${schema} and relname = ${table} and relkind in ('r', 'p')
    and has_schema_privilege(pg_namespace.oid, 'usage')
    and has_table_privilege(pg_class.oid, 'select') and has_table_privilege(pg_class.oid, 'insert')
  `.execute(db);
  return rows.length > 0;
};
