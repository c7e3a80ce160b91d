import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import type { Tables } from './tables.ts';

/** From `src/platform` and from `dist/src/platform` it is not equally far. */
const NEAR = join(import.meta.dirname, '../../migrations');
const FAR = join(import.meta.dirname, '../../../migrations');
const DIRECTORY = existsSync(NEAR) ? NEAR : FAR;
/** The schema that the files are written for; replaced by the configured one, quoted, since it may be a word of SQL. */
const WRITTEN_SCHEMA = /\bwaybill\b/gu;

/**
 * Brings the schema up to date. Each file of `migrations/` runs once, in the order of its name, all under one
 * lock in the database, so that any number of instances may start at the same time. Rejects with the first
 * failure, leaving the schema as it was before that file.
 */
export const migrate = async (database: Kysely<Tables>, schema: string): Promise<readonly string[]> => {
  const migrator = new Migrator({
    db: database,
    provider: { getMigrations: () => readMigrations(schema) },
    migrationTableSchema: schema,
    migrationTableName: 'schema_migrations',
    migrationLockTableName: 'schema_migrations_lock',
  });
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
  return results.map(({ migrationName }) => migrationName);
};

const readMigrations = async (schema: string) => {
  const names = (await readdir(DIRECTORY)).filter((name) => name.endsWith('.sql')).sort();
  const entries = names.map(async (name) => {
    const text = (await readFile(join(DIRECTORY, name), 'utf8')).replace(WRITTEN_SCHEMA, `"${schema}"`);
    return [
      name.replace(/\.sql$/u, ''),
      { up: async (db: Kysely<unknown>) => void (await sql.raw(text).execute(db)) },
    ] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
};
