import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { StartupError } from './startup-error.ts';
import { adoptSupabaseHistory, MIGRATIONS_TABLE, tellSupabaseHistory } from './supabase-history.ts';
import type { Tables } from './tables.ts';

/** From `src/platform` and from `dist/src/platform` it is not equally far. */
const NEAR = join(import.meta.dirname, '../../migrations');
const FAR = join(import.meta.dirname, '../../../migrations');
const DIRECTORY = existsSync(NEAR) ? NEAR : FAR;
/** The schema that the files are written for; replaced by the configured one, quoted, since it may be a word of SQL. */
const WRITTEN_NAME = 'waybill';
const WRITTEN_SCHEMA = new RegExp(`\\b${WRITTEN_NAME}\\b`, 'gu');

/** A migration may take as long as the table is large. The lock waits as long for another instance's. */
const NO_LIMITS = sql`select set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)`;

/**
 * Brings the schema up to date. Each file of `migrations/` runs once, in the order of its name, all in one transaction
 * under one lock in the database, so that any number of instances may start at the same time and through any pooler. What
 * Supabase's CLI has applied counts, and is told what is applied here. Rejects with the first failure, leaving the schema
 * as it was, and with `StartupError` for a schema that a newer version has migrated.
 */
export const migrate = async (database: Kysely<Tables>, schema: string): Promise<readonly string[]> => {
  const migrations = await readMigrations(schema);
  return database.transaction().execute(async (trx) => {
    await NO_LIMITS.execute(trx);
    await trx.getExecutor().adapter.acquireMigrationLock(trx, { lockTable: '', lockRowId: '' });
    if (schema === WRITTEN_NAME) await adoptSupabaseHistory(trx, schema, Object.keys(migrations));
    const migrator = new Migrator({
      db: trx,
      provider: { getMigrations: async () => migrations },
      migrationTableSchema: schema,
      migrationTableName: MIGRATIONS_TABLE,
      migrationLockTableName: 'schema_migrations_lock',
    });
    const { error, results = [] } = await migrator.migrateToLatest();
    if (error !== undefined) throw explained(error);
    if (schema === WRITTEN_NAME) await tellSupabaseHistory(trx, migrations);
    return results.map(({ migrationName }) => migrationName);
  });
};

/** What Kysely says of a migration that has run and that is not among ours. */
const STRANGER = /previously executed migration (\S+) is missing/u;

const explained = (error: unknown): unknown => {
  const [, name] = STRANGER.exec(error instanceof Error ? error.message : '') ?? [];
  if (name === undefined) return error;
  return new StartupError(
    `A newer version of Waybill has migrated this database (${name}); run that version, or restore the backup made before into an empty one.`,
    { cause: error },
  );
};

const readMigrations = async (schema: string) => {
  const names = (await readdir(DIRECTORY)).filter((name) => name.endsWith('.sql')).sort();
  const entries = names.map(async (name) => {
    const text = (await readFile(join(DIRECTORY, name), 'utf8')).replace(WRITTEN_SCHEMA, `"${schema}"`);
    return [
      name.replace(/\.sql$/u, ''),
      { text, up: async (db: Kysely<unknown>) => void (await sql.raw(text).execute(db)) },
    ] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
};
