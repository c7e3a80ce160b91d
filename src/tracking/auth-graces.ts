import { type Kysely, sql } from 'kysely';
import type { Tables } from '../platform/tables.ts';

/** The latest time that an instance has recorded of a grace. */
export interface GraceTimes {
  /** When a gateway first looked at it. */
  readonly openedAt: Date;
  /** The latest time at which one has looked at it; no earlier than the `now` of this look. */
  readonly latestAt: Date;
}

/** Records that it is `now` and answers with what is known, which a clock that is set back does not change. */
export const witnessGrace = async (
  database: Kysely<Tables>,
  { until, now }: { readonly until: Date; readonly now: Date },
): Promise<GraceTimes> => {
  const { opened_at, latest_at } = await database
    .insertInto('auth_graces')
    .values({ until, opened_at: now, latest_at: now })
    .onConflict((conflict) =>
      conflict.column('until').doUpdateSet({
        latest_at: sql`greatest(auth_graces.latest_at, excluded.latest_at)`,
      }),
    )
    .returning(['opened_at', 'latest_at'])
    .executeTakeFirstOrThrow();
  return { openedAt: opened_at, latestAt: latest_at };
};
