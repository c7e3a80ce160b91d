import { type ExpressionBuilder, sql } from 'kysely';
import type { TrackedFile } from '../core/file.ts';
import type { Queryable } from '../platform/database.ts';
import type { Tables } from '../platform/tables.ts';

/**
 * Files whose time is over: at `expires_at`, or without one, `days` after they came; 0 days keeps those for ever. All by the
 * database's clock.
 */

/** What ended a file: its own expiry, or its age. Each has an index of its own. */
export type EndedBy = 'expiry' | 'age';

export interface Due {
  readonly files: number;
  readonly bytes: number;
  /** Those whose time was over already at the time that was asked about. */
  readonly before: number;
}

/** How many files are due now, and how many of them were at `before`. */
export const countDue = async (
  db: Queryable,
  { days, before }: { readonly days: number; readonly before: Date },
): Promise<Due> => {
  const counts = await Promise.all(
    endings(days).map((endedBy) =>
      db
        .selectFrom('files')
        .select(({ fn }) => [
          fn.countAll<number>().as('files'),
          sql<number>`coalesce(sum(bytes), 0)::bigint`.as('bytes'),
          sql<number>`count(*) filter (where ${endOf(endedBy, days)} <= ${before}::timestamptz)`.as('before'),
        ])
        .where(isDue(endedBy, days))
        .executeTakeFirstOrThrow(),
    ),
  );
  return counts.reduce(
    (sum, one) => ({
      files: sum.files + one.files,
      bytes: sum.bytes + one.bytes,
      before: sum.before + one.before,
    }),
    { files: 0, bytes: 0, before: 0 },
  );
};

/** By what a file can end where those without an expiry are kept for so many days. */
export const endings = (days: number): readonly EndedBy[] => (days === 0 ? ['expiry'] : ['expiry', 'age']);

/** Where a page of due files ended. */
export interface DuePlace {
  readonly at: Date;
  readonly id: string;
}

/** The due files behind a place, those that ended first in front. */
export const listDue = async (
  db: Queryable,
  {
    endedBy,
    days,
    after,
    limit,
  }: {
    readonly endedBy: EndedBy;
    readonly days: number;
    readonly after: DuePlace | null;
    readonly limit: number;
  },
): Promise<readonly DuePlace[]> => {
  const time = endedBy === 'expiry' ? 'expires_at' : 'created_at';
  let page = db
    .selectFrom('files')
    .select(['id', sql<Date>`${sql.ref(time)}`.as('at')])
    .where(isDue(endedBy, days));
  if (after !== null) page = page.where(sql<boolean>`(${sql.ref(time)}, id) > (${after.at}, ${after.id})`);
  return await page.orderBy(time).orderBy('id').limit(limit).execute();
};

/** Turns those of the files into tombstones that are due still, and answers with them. The caller has locked their rows. */
export const markDueDeleted = async (
  trx: Queryable,
  ids: readonly string[],
  { endedBy, days }: { readonly endedBy: EndedBy; readonly days: number },
): Promise<readonly Pick<TrackedFile, 'id' | 'owner' | 'sizeBytes'>[]> => {
  const rows = await trx
    .updateTable('files')
    .set({ deleted_at: sql<Date>`now()` })
    .where('id', '=', sql<string>`any(${ids})`)
    .where(isDue(endedBy, days))
    .returning(['id', 'owner', 'bytes'])
    .execute();
  return rows.map(({ id, owner, bytes }) => ({ id, owner, sizeBytes: bytes }));
};

/**
 * Locks the accounts of these owners before several of their files are deleted, in the order in which those do who reserve
 * room, so that nobody waits in a circle.
 */
export const lockQuotas = async (trx: Queryable, owners: readonly string[]): Promise<void> => {
  await trx
    .selectFrom('quotas')
    .select('owner')
    .where('owner', '=', sql<string>`any(${owners})`)
    .orderBy(sql`owner collate "C"`)
    .forUpdate()
    .execute();
};

/** All live files, as the accounts have it: counting the files themselves would read every one. */
export const countLiveFiles = async (db: Queryable): Promise<number> => {
  const { live } = await db
    .selectNoFrom(({ selectFrom }) =>
      sql<number>`(${selectFrom('quotas').select(sql`coalesce(sum(charged_files), 0)`.as('sum'))})::bigint
        - (${selectFrom('reservations').select(({ fn }) => fn.countAll().as('count'))})`.as('live'),
    )
    .executeTakeFirstOrThrow();
  return live;
};

/** The database's time, and when the last cleanup began that came to its end. */
export const readWitness = async (
  db: Queryable,
): Promise<{ readonly now: Date; readonly witnessedAt: Date }> => {
  const { now, at } = await db
    .selectFrom('retention_witness')
    .select(['at', sql<Date>`now()`.as('now')])
    .executeTakeFirstOrThrow();
  return { now, witnessedAt: at };
};

/** Records that a cleanup which began at this time has come to its end. */
export const setWitness = async (trx: Queryable, at: Date): Promise<void> => {
  await trx.updateTable('retention_witness').set({ at }).execute();
};

const isDue =
  (endedBy: EndedBy, days: number) =>
  ({ eb, and }: ExpressionBuilder<Tables, 'files'>) =>
    endedBy === 'expiry'
      ? and([eb('deleted_at', 'is', null), eb('expires_at', '<=', sql<Date>`now()`)])
      : and([
          eb('deleted_at', 'is', null),
          eb('expires_at', 'is', null),
          // The column by itself, so that the index serves it.
          eb('created_at', '<=', sql<Date>`now() - ${days} * interval '1 day'`),
        ]);

const endOf = (endedBy: EndedBy, days: number) =>
  endedBy === 'expiry' ? sql<Date>`expires_at` : sql<Date>`created_at + ${days} * interval '1 day'`;
