import { type ExpressionBuilder, sql } from 'kysely';
import type { ProviderId } from '../core/provider.ts';
import type { Queryable } from '../platform/database.ts';
import type { Tables } from '../platform/tables.ts';

/** A copy that was given up to make room, and that its provider may still hold. */
export interface EvictedCopy {
  readonly id: string;
  readonly fileId: string;
  readonly provider: ProviderId;
  readonly account: string;
  readonly remoteId: string;
}

/** A copy used within this time counts as in use. */
const IN_USE_MS = 60_000;

/**
 * Gives up the copy of an account that was not used for longest, whichever of the files it serves the use was for, or
 * answers null when all are in use. Whoever was served by it has lost it as well.
 */
export const evictLeastRecentlyUsed = async (
  db: Queryable,
  { provider, account, exceptFileId }: { provider: ProviderId; account: string; exceptFileId: string },
): Promise<EvictedCopy | null> => {
  const row = await db
    .updateTable('provider_file_uploads')
    .set({ status: 'evicted', updated_at: sql<Date>`now()` })
    .where('id', '=', ({ selectFrom }) =>
      selectFrom('provider_file_uploads as copy')
        .innerJoin('files as file', 'file.id', 'copy.file_id')
        .select('copy.id')
        .where('copy.provider', '=', provider)
        .where('copy.account', '=', account)
        .where('copy.status', '=', 'completed')
        .where('copy.provider_file_id', 'is not', null)
        .where('copy.file_id', '<>', exceptFileId)
        .where('file.deleted_at', 'is', null)
        // Without a master copy it could not come back.
        .where('file.purged_at', 'is', null)
        .where(({ eb, selectFrom: from }) => eb(lastUse(from), '<', inUseSince))
        .orderBy(({ selectFrom: from }) => lastUse(from))
        .limit(1)
        .forUpdate('copy')
        .skipLocked(),
    )
    .returning(['id', 'file_id', 'provider', 'account', 'provider_file_id'])
    .executeTakeFirst();
  if (row === undefined) return null;
  await db
    .updateTable('provider_file_uploads')
    .set({ status: 'evicted', shares: null, updated_at: sql<Date>`now()` })
    .where('shares', '=', row.id)
    .where('status', '=', 'completed')
    .execute();
  return toEvicted(row);
};

const inUseSince = sql<Date>`now() - ${IN_USE_MS} * interval '1 millisecond'`;

/** When the row named `copy`, or one that it serves, was last used. */
const lastUse = (selectFrom: ExpressionBuilder<Tables, never>['selectFrom']) => {
  const served = selectFrom('provider_file_uploads as served')
    .select(({ fn }) => fn.max(fn.coalesce('served.last_used_at', 'served.updated_at')).as('at'))
    .where('served.shares', '=', sql.ref<string>('copy.id'))
    .where('served.status', '=', 'completed');
  return sql<Date>`greatest(coalesce(copy.last_used_at, copy.updated_at), (${served}))`;
};

/** The copy if it is evicted and its removal has not been confirmed. */
export const findEvicted = async (db: Queryable, id: string): Promise<EvictedCopy | null> => {
  const row = await db
    .selectFrom('provider_file_uploads')
    .select(['id', 'file_id', 'provider', 'account', 'provider_file_id'])
    .where('id', '=', id)
    .where('status', '=', 'evicted')
    .where('provider_file_id', 'is not', null)
    .executeTakeFirst();
  return row === undefined ? null : toEvicted(row);
};

/** Records that the provider confirmed the removal of an evicted copy. */
export const clearEvicted = async (db: Queryable, id: string, remoteId: string): Promise<void> => {
  await db
    .updateTable('provider_file_uploads')
    .set({ provider_file_id: null, bytes_sent: 0, expires_at: null, updated_at: sql<Date>`now()` })
    .where('id', '=', id)
    .where('provider_file_id', '=', remoteId)
    .execute();
};

const toEvicted = (row: {
  id: string;
  file_id: string;
  provider: ProviderId;
  account: string;
  provider_file_id: string | null;
}): EvictedCopy | null =>
  row.provider_file_id === null
    ? null
    : {
        id: row.id,
        fileId: row.file_id,
        provider: row.provider,
        account: row.account,
        remoteId: row.provider_file_id,
      };
