import { sql } from 'kysely';
import type { Queryable } from '../platform/database.ts';

/** A file, a tombstone too, whose record has changed. */
export interface ChangedFile {
  readonly id: string;
  readonly owner: string;
  /** When the transaction of its newest change began. */
  readonly changedAt: Date;
}

export interface ChangePage {
  readonly since: Date;
  /** The id of the last file of the page before, whose `changedAt` is then `since`. */
  readonly after?: string;
  readonly limit: number;
}

/**
 * One page of the owners' files that have changed since a time, that included, the longest unchanged first. A change shows
 * once its transaction has committed, with the time at which that began: who follows must overlap by as long as one may take.
 */
export const changedFiles = async (
  db: Queryable,
  owners: readonly string[],
  { since, after = '', limit }: ChangePage,
): Promise<readonly ChangedFile[]> => {
  if (owners.length === 0) return [];
  const created = db
    .selectFrom('files')
    .select(['id', 'owner', 'created_at as changed_at'])
    .where('owner', 'in', owners)
    .where('deleted_at', 'is', null)
    .where('created_at', '>=', since);
  const deleted = db
    .selectFrom('files')
    .select(({ ref }) => ['id', 'owner', ref('deleted_at').$notNull().as('changed_at')])
    .where('owner', 'in', owners)
    .where('deleted_at', '>=', since);
  // A file's status changes with its deliveries, in one transaction.
  const delivered = db
    .selectFrom('provider_file_uploads as copy')
    .innerJoin('files as file', 'file.id', 'copy.file_id')
    .select(['file.id', 'file.owner', 'copy.updated_at as changed_at'])
    .where('file.owner', 'in', owners)
    .where('file.deleted_at', 'is', null)
    .where('copy.status', '<>', 'deleted')
    .where('copy.updated_at', '>=', since);
  const rows = await db
    .selectFrom(created.unionAll(deleted).unionAll(delivered).as('change'))
    .select(({ fn }) => ['id', 'owner', fn.max('changed_at').as('changed_at')])
    .groupBy(['id', 'owner'])
    .having(({ eb, refTuple, tuple, fn }) =>
      eb(refTuple(fn.max('changed_at') as never, 'id'), '>', tuple(since, after) as never),
    )
    .orderBy('changed_at')
    .orderBy('id')
    .limit(limit)
    .execute();
  return rows.map(({ id, owner, changed_at: changedAt }) => ({ id, owner, changedAt }));
};

/** What time it is for the record, whose times are the database's. */
export const recordTime = async (db: Queryable): Promise<Date> => {
  const { now } = await db.selectNoFrom(sql<Date>`now()`.as('now')).executeTakeFirstOrThrow();
  return now;
};
