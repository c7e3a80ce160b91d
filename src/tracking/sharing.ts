import { sql } from 'kysely';
import type { Delivery, TrackedFile } from '../core/file.ts';
import type { Queryable } from '../platform/database.ts';

/**
 * Copies that serve more than one file of an owner. The row that holds the provider's id is the holder; the others name it
 * in `shares`. A holder that goes passes the copy on, so the copy goes with the last file that needs it.
 */

/** A copy of the same bytes that the owner already has at the account for the same purpose, locked until the transaction ends. */
export const findShareable = async (
  db: Queryable,
  delivery: Delivery,
  { owner, sha256 }: Pick<TrackedFile, 'owner' | 'sha256'>,
): Promise<string | null> => {
  const row = await db
    // Few files have these bytes, an account has many copies: without the fence the planner may go through those.
    .with(
      (cte) => cte('twin').materialized(),
      (qb) =>
        qb
          .selectFrom('files')
          .select('id')
          .where('owner', '=', owner)
          .where('sha256', '=', sha256)
          .where('deleted_at', 'is', null),
    )
    .selectFrom('provider_file_uploads as copy')
    .select('copy.id')
    .where('copy.file_id', 'in', ({ selectFrom }) => selectFrom('twin').select('twin.id'))
    .where('copy.provider', '=', delivery.provider)
    .where('copy.account', '=', delivery.account)
    .where('copy.purpose', '=', delivery.purpose)
    .where('copy.status', '=', 'completed')
    .where('copy.provider_file_id', 'is not', null)
    .where('copy.id', '<>', delivery.id)
    .where(({ or, eb }) =>
      or([eb('copy.expires_at', 'is', null), eb('copy.expires_at', '>', sql<Date>`now()`)]),
    )
    .limit(1)
    .forUpdate('copy')
    .executeTakeFirst();
  return row?.id ?? null;
};

/** The delivery that already holds a provider's file, with the same bytes; locked until the transaction ends. */
export const findHolder = async (
  db: Queryable,
  { id, provider, account }: Pick<Delivery, 'id' | 'provider' | 'account'>,
  { remoteId, sha256 }: { remoteId: string; sha256: string },
): Promise<string | null> => {
  const row = await db
    .selectFrom('provider_file_uploads as copy')
    .innerJoin('files as file', 'file.id', 'copy.file_id')
    .select('copy.id')
    .where('copy.provider', '=', provider)
    .where('copy.account', '=', account)
    .where('copy.provider_file_id', '=', remoteId)
    .where('copy.status', '=', 'completed')
    .where('copy.id', '<>', id)
    .where('file.sha256', '=', sha256)
    .forUpdate('copy')
    .executeTakeFirst();
  return row?.id ?? null;
};

/** Ends an attempt by letting the delivery be served by another's copy. False: the claim was lost. */
export const share = async (
  db: Queryable,
  { id, attempts }: Pick<Delivery, 'id' | 'attempts'>,
  holderId: string,
): Promise<boolean> => {
  const { numUpdatedRows } = await db
    .updateTable('provider_file_uploads')
    .set({
      status: 'completed',
      shares: holderId,
      doubt: 'none',
      error_code: null,
      error_message: null,
      claimed_by: null,
      claimed_until: null,
      updated_at: sql<Date>`now()`,
    })
    .where('id', '=', id)
    .where('attempts', '=', attempts)
    .where('status', '=', 'uploading')
    .executeTakeFirst();
  return numUpdatedRows === 1n;
};

/**
 * Ends a delivery's part in a shared copy: one that is only served lets go; a holder passes the copy on to the oldest it
 * serves. Answers whether the copy still serves others, so that it must stay at the provider.
 */
export const leaveShared = async (db: Queryable, id: string): Promise<boolean> => {
  const own = await db
    .selectFrom('provider_file_uploads')
    .select(['shares', 'provider_file_id', 'expires_at', 'last_used_at'])
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow();
  if (own.shares !== null) return true;
  const heir = await db
    .selectFrom('provider_file_uploads')
    .select('id')
    .where('shares', '=', id)
    .where('status', '=', 'completed')
    .orderBy('created_at')
    .limit(1)
    .forUpdate()
    .executeTakeFirst();
  if (heir === undefined || own.provider_file_id === null) return false;
  await db
    .updateTable('provider_file_uploads')
    .set({ provider_file_id: null })
    .where('id', '=', id)
    .execute();
  await db
    .updateTable('provider_file_uploads')
    .set({ provider_file_id: own.provider_file_id, expires_at: own.expires_at, shares: null })
    .where('id', '=', heir.id)
    .execute();
  await db.updateTable('provider_file_uploads').set({ shares: heir.id }).where('shares', '=', id).execute();
  return true;
};
