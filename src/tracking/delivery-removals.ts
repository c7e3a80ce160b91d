import { sql } from 'kysely';
import type { ErrorCode } from '../core/errors.ts';
import type { Delivery, DeliveryStatus } from '../core/file.ts';
import type { Queryable } from '../platform/database.ts';
import { inFuture, toDelivery } from './delivery-row.ts';

/** Copies that are to go, until their providers have confirmed it. The rules of `deliveries.ts` hold here. */

/** The deleted files that a provider may still hold. */
export const filesBeingRemoved = async (db: Queryable): Promise<readonly string[]> => {
  const rows = await db
    .selectFrom('provider_file_uploads')
    .select('file_id')
    .distinct()
    .where('status', '=', 'deleting')
    .execute();
  return rows.map(({ file_id }) => file_id);
};

/** Marks all copies of these files for removal; one that never reached its provider is gone at once. */
export const markDeliveriesDeleting = async (
  db: Queryable,
  fileIds: readonly string[],
): Promise<readonly Delivery[]> => {
  const rows = await db
    .updateTable('provider_file_uploads')
    .set(({ eb }) => ({
      status: eb
        .case()
        .when(
          eb
            .or([
              eb('provider_file_id', 'is not', null),
              eb('doubt', '<>', 'none'),
              eb('shares', 'is not', null),
            ])
            .and('status', '<>', 'uploading'),
        )
        .then<DeliveryStatus>('deleting')
        .when('status', '=', 'uploading')
        // Its sender finds the file deleted when it is done, and then has the copy's id to remove it by.
        .then<DeliveryStatus>('uploading')
        .else<DeliveryStatus>('deleted')
        .end(),
      due_at: null,
      updated_at: sql<Date>`now()`,
    }))
    .where('file_id', '=', sql<string>`any(${fileIds})`)
    .where('status', '<>', 'deleted')
    .returningAll()
    .execute();
  return rows.map(toDelivery);
};

/** Moves an ended attempt of a deleted file on to its removal. */
export const markDeliveryDeleting = async (db: Queryable, id: string): Promise<void> => {
  await db
    .updateTable('provider_file_uploads')
    .set({ status: 'deleting', due_at: null, updated_at: sql<Date>`now()` })
    .where('id', '=', id)
    .execute();
};

/** Which of an account's files live records name. */
export const recordedCopies = async (
  db: Queryable,
  { provider, account }: Pick<Delivery, 'provider' | 'account'>,
  remoteIds: readonly string[],
): Promise<ReadonlySet<string>> => {
  if (remoteIds.length === 0) return new Set();
  const rows = await db
    .selectFrom('provider_file_uploads')
    .select('provider_file_id')
    .where('provider', '=', provider)
    .where('account', '=', account)
    .where('provider_file_id', 'in', remoteIds)
    .where('status', '<>', 'deleted')
    .execute();
  return new Set(rows.flatMap(({ provider_file_id: id }) => id ?? []));
};

/** Records that the provider confirmed the removal. */
export const markDeliveryDeleted = async (db: Queryable, id: string): Promise<void> => {
  await db
    .updateTable('provider_file_uploads')
    .set({
      status: 'deleted',
      error_code: null,
      error_message: null,
      removed_at: sql<Date>`now()`,
      updated_at: sql<Date>`now()`,
    })
    .where('id', '=', id)
    .where('status', '=', 'deleting')
    .execute();
};

/** Records that a copy in doubt was not found the first time. */
export const lookAgain = async (db: Queryable, id: string): Promise<void> => {
  await db
    .updateTable('provider_file_uploads')
    .set({ doubt: 'look_again', updated_at: sql<Date>`now()` })
    .where('id', '=', id)
    .where('status', '=', 'deleting')
    .execute();
};

/** Records why a removal has not succeeded yet, and how long its provider asks to wait; the copy stays `deleting`. */
export const recordRemovalFailure = async (
  db: Queryable,
  id: string,
  {
    errorCode,
    errorMessage,
    retryAfterMs = null,
  }: { errorCode: ErrorCode; errorMessage: string; retryAfterMs?: number | null },
): Promise<void> => {
  await db
    .updateTable('provider_file_uploads')
    .set({
      error_code: errorCode,
      error_message: errorMessage,
      due_at: retryAfterMs === null ? null : inFuture(retryAfterMs),
      updated_at: sql<Date>`now()`,
    })
    .where('id', '=', id)
    .where('status', '=', 'deleting')
    .execute();
};
