import { sql } from 'kysely';
import type { ErrorCode } from '../core/errors.ts';
import type { Delivery } from '../core/file.ts';
import type { ProviderId } from '../core/provider.ts';
import { execute, type Queryable, type Run } from '../platform/database.ts';
import type { Claim } from './delivery-attempts.ts';
import { inFuture, toDelivery } from './delivery-row.ts';

/**
 * The rows of `provider_file_uploads`. Each change of state is a compare-and-set: it names the state, and where
 * bytes may be in flight the attempt, that it starts from, and answers null or false when another got there
 * first. The attempt number is the fence: a sender that was taken for dead cannot write over its successor.
 */

export interface NewDelivery {
  readonly id: string;
  readonly fileId: string;
  readonly provider: ProviderId;
  readonly account: string;
  readonly purpose: string;
  readonly status: 'pending' | 'failed';
  /** Who carries out a pending one at once, so that it is recorded as claimed and, should they die, as in doubt. */
  readonly claim: Claim | null;
  readonly reason: string;
  readonly errorCode: ErrorCode | null;
  readonly errorMessage: string | null;
}

/** Inserts what is not there yet: a live delivery to the same provider, account and purpose stays as it is. */
export const insertDeliveries = async (
  db: Queryable,
  deliveries: readonly NewDelivery[],
  run: Run = execute,
): Promise<readonly Delivery[]> => {
  if (deliveries.length === 0) return [];
  const insertion = db
    .insertInto('provider_file_uploads')
    .values(
      deliveries.map((delivery) => ({
        id: delivery.id,
        file_id: delivery.fileId,
        provider: delivery.provider,
        account: delivery.account,
        provider_file_id: null,
        shares: null,
        purpose: delivery.purpose,
        ...(delivery.claim === null
          ? { status: delivery.status, claimed_by: null, claimed_until: null }
          : {
              status: 'uploading' as const,
              attempts: 1,
              doubt: 'look' as const,
              claimed_by: delivery.claim.by,
              claimed_until: inFuture(delivery.claim.leaseMs),
            }),
        reason: delivery.reason,
        error_code: delivery.errorCode,
        error_message: delivery.errorMessage,
        last_used_at: null,
        expires_at: null,
      })),
    )
    .onConflict((conflict) =>
      conflict
        .columns(['file_id', 'provider', 'account', 'purpose'])
        .where('status', '<>', 'deleted')
        .doNothing(),
    )
    .returningAll();
  return (await run(insertion)).map(toDelivery);
};

/** Deliveries by file, oldest first, deleted ones left out. */
export const deliveriesOf = async (
  db: Queryable,
  fileIds: readonly string[],
  run: Run = execute,
): Promise<ReadonlyMap<string, readonly Delivery[]>> => {
  if (fileIds.length === 0) return new Map();
  const selection = db
    .selectFrom('provider_file_uploads as copy')
    .leftJoin('provider_file_uploads as origin', 'origin.id', 'copy.shares')
    .selectAll('copy')
    .select(['origin.provider_file_id as shared_file_id', 'origin.expires_at as shared_expires_at'])
    .where('copy.file_id', 'in', fileIds)
    .where('copy.status', '<>', 'deleted')
    .orderBy('copy.created_at')
    .orderBy('copy.provider');
  const deliveries = (await run(selection)).map((row) => {
    const delivery = toDelivery(row);
    if (row.shares === null) return delivery;
    return { ...delivery, remoteId: row.shared_file_id, expiresAt: row.shared_expires_at };
  });
  return Map.groupBy(deliveries, ({ fileId }) => fileId);
};

/** Gives up a copy that its provider no longer has, so that it can be delivered again. False: it is not that copy any more. */
export const giveUpCopy = async (
  db: Queryable,
  { id, remoteId, shares }: Pick<Delivery, 'id' | 'remoteId' | 'shares'>,
): Promise<boolean> => {
  const { numUpdatedRows } = await db
    .updateTable('provider_file_uploads')
    .set({
      status: 'evicted',
      provider_file_id: null,
      shares: null,
      expires_at: null,
      updated_at: sql<Date>`now()`,
    })
    .where('status', '=', 'completed')
    // Whoever was served by the copy has lost it as well.
    .where(({ or, and, eb, selectFrom }) => {
      const origin = selectFrom('provider_file_uploads as holder')
        .select('holder.id')
        .where('holder.provider_file_id', 'is not distinct from', remoteId)
        .where(({ or: either, eb: is }) => either([is('holder.id', '=', id), is('holder.id', '=', shares)]));
      return or([and([eb('id', 'in', origin)]), eb('shares', 'in', origin)]);
    })
    .executeTakeFirst();
  return numUpdatedRows > 0n;
};

/** Records that a copy was used, which keeps it from being evicted before others. */
export const recordUse = async (db: Queryable, id: string): Promise<void> => {
  await db
    .updateTable('provider_file_uploads')
    .set({ last_used_at: sql<Date>`now()` })
    .where('id', '=', id)
    .execute();
};

/** Ends a provider's processing of a copy: usable, or failed with the provider's reason. False: it had ended before. */
export const endProcessing = async (db: Queryable, id: string, failure: string | null): Promise<boolean> => {
  const { numUpdatedRows } = await db
    .updateTable('provider_file_uploads')
    .set({
      status: failure === null ? 'completed' : 'failed',
      error_code: failure === null ? null : 'provider_rejected',
      error_message: failure,
      updated_at: sql<Date>`now()`,
    })
    .where('id', '=', id)
    .where('status', '=', 'processing')
    .executeTakeFirst();
  return numUpdatedRows === 1n;
};

/** Puts a delivery that ended without a copy back in line. Null when it is not in such a state. */
export const restartDelivery = async (
  db: Queryable,
  id: string,
  reason: string,
): Promise<Delivery | null> => {
  const row = await db
    .updateTable('provider_file_uploads')
    .set({
      status: 'pending',
      reason,
      error_code: null,
      error_message: null,
      due_at: null,
      wanted_at: sql<Date>`now()`,
      updated_at: sql<Date>`now()`,
    })
    .where('id', '=', id)
    .where('status', 'in', ['failed', 'evicted'])
    .returningAll()
    .executeTakeFirst();
  return row === undefined ? null : toDelivery(row);
};

export const getDelivery = async (db: Queryable, id: string): Promise<Delivery> => {
  const row = await db
    .selectFrom('provider_file_uploads')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return toDelivery(row);
};
