import { sql } from 'kysely';
import type { Queryable } from '../platform/database.ts';

/** Marks the record as restored now. */
export const markRestored = async (db: Queryable): Promise<void> => {
  await db
    .insertInto('restored')
    .values({ the_one: true })
    .onConflict((conflict) => conflict.column('the_one').doUpdateSet({ at: sql<Date>`now()` }))
    .execute();
};

/**
 * Whether the record was restored from a backup and has not been compared with the providers since: it may name copies
 * that have gone and others by ids that mean something else by now.
 */
export const isUnreconciled = async (db: Queryable): Promise<boolean> => {
  const row = await db
    .selectFrom('restored')
    .select('at')
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('passes')
            .select('passes.id')
            .where('passes.kind', '=', 'reconcile')
            .where('passes.status', '=', 'completed')
            .where('passes.is_dry_run', '=', false)
            .whereRef('passes.started_at', '>=', 'restored.at'),
        ),
      ),
    )
    .executeTakeFirst();
  return row !== undefined;
};
