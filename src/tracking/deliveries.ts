import { sql } from 'kysely';
import type { ErrorCode } from '../core/errors.ts';
import type { Delivery, DeliveryStatus, Doubt } from '../core/file.ts';
import type { ProviderId } from '../core/provider.ts';
import { execute, type Queryable, type Row, type Run } from '../platform/database.ts';

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

export interface Claim {
  /** The installation that sends. */
  readonly by: string;
  readonly leaseMs: number;
}

/** Takes a delivery for sending: a pending one that is due, or one whose sender has let its lease run out. */
export const claimDelivery = async (
  db: Queryable,
  id: string,
  { by, leaseMs }: Claim,
): Promise<Delivery | null> => {
  const row = await db
    .updateTable('provider_file_uploads')
    .set(({ eb }) => ({
      status: 'uploading',
      attempts: eb('attempts', '+', 1),
      bytes_sent: 0,
      claimed_by: by,
      claimed_until: inFuture(leaseMs),
      updated_at: sql<Date>`now()`,
    }))
    .where('id', '=', id)
    .where(({ or, and, eb }) =>
      or([
        and([
          eb('status', '=', 'pending'),
          or([eb('due_at', 'is', null), eb('due_at', '<=', sql<Date>`now()`)]),
        ]),
        and([eb('status', '=', 'uploading'), eb('claimed_until', '<', sql<Date>`now()`)]),
      ]),
    )
    .returningAll()
    .executeTakeFirst();
  return row === undefined ? null : toDelivery(row);
};

/** Records progress and renews the lease. False means the claim was lost and sending must stop. */
export const recordProgress = async (
  db: Queryable,
  { id, attempts }: Pick<Delivery, 'id' | 'attempts'>,
  { bytesSent, leaseMs }: { bytesSent: number; leaseMs: number },
): Promise<boolean> => {
  const { numUpdatedRows } = await db
    .updateTable('provider_file_uploads')
    .set({ bytes_sent: bytesSent, claimed_until: inFuture(leaseMs), updated_at: sql<Date>`now()` })
    .where('id', '=', id)
    .where('attempts', '=', attempts)
    .where('status', '=', 'uploading')
    .executeTakeFirst();
  return numUpdatedRows === 1n;
};

/**
 * Records the intent to send, before the first byte leaves: from here on a copy may be there that the record does not
 * name. False means the claim was lost and nothing may be sent.
 */
export const recordIntent = async (
  db: Queryable,
  { id, attempts }: Pick<Delivery, 'id' | 'attempts'>,
): Promise<boolean> => {
  const { numUpdatedRows } = await db
    .updateTable('provider_file_uploads')
    .set({ doubt: 'look', updated_at: sql<Date>`now()` })
    .where('id', '=', id)
    .where('attempts', '=', attempts)
    .where('status', '=', 'uploading')
    .executeTakeFirst();
  return numUpdatedRows === 1n;
};

export interface DeliveryOutcome {
  readonly status: Extract<DeliveryStatus, 'pending' | 'processing' | 'completed' | 'failed'>;
  readonly remoteId?: string;
  readonly bytesSent?: number;
  readonly expiresAt?: Date | null;
  /** From when on a pending one may be tried again, in milliseconds from now; default at once. */
  readonly dueInMs?: number;
  /** Left as it is when not given. */
  readonly doubt?: Doubt;
  readonly errorCode?: ErrorCode;
  readonly errorMessage?: string;
}

/** Keeps what an upload of several requests needs to go on with. False means the claim was lost. */
export const saveSession = async (
  db: Queryable,
  { id, attempts }: Pick<Delivery, 'id' | 'attempts'>,
  state: unknown,
): Promise<boolean> => {
  const { numUpdatedRows } = await db
    .updateTable('provider_file_uploads')
    .set({ session: state === null ? null : JSON.stringify(state) })
    .where('id', '=', id)
    .where('attempts', '=', attempts)
    .where('status', '=', 'uploading')
    .executeTakeFirst();
  return numUpdatedRows === 1n;
};

/** What the last attempt kept; null when there is nothing to go on with. */
export const readSession = async (db: Queryable, id: string): Promise<unknown> => {
  const row = await db
    .selectFrom('provider_file_uploads')
    .select('session')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return row.session;
};

/** Ends an attempt. Null means the claim was lost meanwhile. */
export const endAttempt = async (
  db: Queryable,
  { id, attempts }: Pick<Delivery, 'id' | 'attempts'>,
  outcome: DeliveryOutcome,
): Promise<Delivery | null> => {
  const row = await db
    .updateTable('provider_file_uploads')
    .set({
      status: outcome.status,
      error_code: outcome.errorCode ?? null,
      error_message: outcome.errorMessage ?? null,
      claimed_by: null,
      claimed_until: null,
      due_at: outcome.dueInMs === undefined ? null : inFuture(outcome.dueInMs),
      updated_at: sql<Date>`now()`,
      ...(outcome.remoteId === undefined ? {} : { provider_file_id: outcome.remoteId }),
      ...(outcome.status === 'pending' ? {} : { session: null }),
      ...(outcome.doubt === undefined ? {} : { doubt: outcome.doubt }),
      ...(outcome.doubt === 'look_again' ? { looks: sql<number>`looks + 1` } : {}),
      ...(outcome.bytesSent === undefined ? {} : { bytes_sent: outcome.bytesSent }),
      ...(outcome.expiresAt === undefined ? {} : { expires_at: outcome.expiresAt }),
    })
    .where('id', '=', id)
    .where('attempts', '=', attempts)
    .where('status', '=', 'uploading')
    .returningAll()
    .executeTakeFirst();
  return row === undefined ? null : toDelivery(row);
};

/** An attempt that has put a copy at its provider. */
export interface CompletedAttempt extends Pick<Delivery, 'id' | 'attempts'> {
  readonly status: 'processing' | 'completed';
  readonly remoteId: string;
  readonly bytesSent: number;
  readonly expiresAt: Date | null;
}

/** Ends attempts that succeeded, all or, on rejection, none. Those whose claim was lost meanwhile are left out of the answer. */
export const completeAttempts = async (
  db: Queryable,
  attempts: readonly CompletedAttempt[],
  run: Run = execute,
): Promise<readonly Delivery[]> => {
  const values = attempts.map(
    (one) => sql`(${one.id}::uuid, ${one.attempts}::integer, ${one.status}::text, ${one.remoteId}::text,
      ${one.bytesSent}::bigint, ${one.expiresAt}::timestamptz)`,
  );
  interface Given {
    id: string;
    attempts: number;
    status: DeliveryStatus;
    remote_id: string;
    bytes_sent: number;
    expires_at: Date | null;
  }
  const update = db
    .updateTable('provider_file_uploads as copy')
    .from(
      sql<Given>`(values ${sql.join(values)})`.as<'given'>(
        sql`given (id, attempts, status, remote_id, bytes_sent, expires_at)`,
      ),
    )
    .set(({ ref }) => ({
      status: ref('given.status'),
      provider_file_id: ref('given.remote_id'),
      bytes_sent: ref('given.bytes_sent'),
      expires_at: ref('given.expires_at'),
      doubt: 'none',
      session: null,
      error_code: null,
      error_message: null,
      claimed_by: null,
      claimed_until: null,
      due_at: null,
      updated_at: sql<Date>`now()`,
    }))
    .whereRef('copy.id', '=', 'given.id')
    .whereRef('copy.attempts', '=', 'given.attempts')
    .where('copy.status', '=', 'uploading')
    .returningAll('copy');
  return (await run(update)).map(toDelivery);
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

/** Ends a provider's processing of a copy: usable, or failed with the provider's reason. */
export const endProcessing = async (db: Queryable, id: string, failure: string | null): Promise<void> => {
  await db
    .updateTable('provider_file_uploads')
    .set({
      status: failure === null ? 'completed' : 'failed',
      error_code: failure === null ? null : 'provider_rejected',
      error_message: failure,
      updated_at: sql<Date>`now()`,
    })
    .where('id', '=', id)
    .where('status', '=', 'processing')
    .execute();
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

/** Puts every delivery that this installation was sending when it died back in line. */
export const releaseClaims = async (db: Queryable, by: string): Promise<readonly Delivery[]> => {
  const rows = await db
    .updateTable('provider_file_uploads')
    .set({ status: 'pending', claimed_by: null, claimed_until: null, updated_at: sql<Date>`now()` })
    .where('claimed_by', '=', by)
    .where('status', '=', 'uploading')
    .returningAll()
    .execute();
  return rows.map(toDelivery);
};

/** Deliveries whose sender has not shown itself for so long that others may take them over. */
export const abandonedDeliveries = async (db: Queryable): Promise<readonly Delivery[]> => {
  const rows = await db
    .selectFrom('provider_file_uploads')
    .selectAll()
    .where('status', '=', 'uploading')
    .where('claimed_until', '<', sql<Date>`now()`)
    .execute();
  return rows.map(toDelivery);
};

/** Which of these deliveries nobody is sending and have still to be sent. */
export const pendingDeliveries = async (
  db: Queryable,
  ids: readonly string[],
): Promise<readonly Delivery[]> => {
  if (ids.length === 0) return [];
  const rows = await db
    .selectFrom('provider_file_uploads')
    .selectAll()
    .where('id', 'in', ids)
    .where('status', '=', 'pending')
    .execute();
  return rows.map(toDelivery);
};

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

/** Marks all copies of a file for removal; one that never reached its provider is gone at once. */
export const markDeliveriesDeleting = async (db: Queryable, fileId: string): Promise<readonly Delivery[]> => {
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
      updated_at: sql<Date>`now()`,
    }))
    .where('file_id', '=', fileId)
    .where('status', '<>', 'deleted')
    .returningAll()
    .execute();
  return rows.map(toDelivery);
};

/** Moves an ended attempt of a deleted file on to its removal. */
export const markDeliveryDeleting = async (db: Queryable, id: string): Promise<void> => {
  await db
    .updateTable('provider_file_uploads')
    .set({ status: 'deleting', updated_at: sql<Date>`now()` })
    .where('id', '=', id)
    .execute();
};

export const getDelivery = async (db: Queryable, id: string): Promise<Delivery> => {
  const row = await db
    .selectFrom('provider_file_uploads')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return toDelivery(row);
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
    .set({ status: 'deleted', error_code: null, error_message: null, updated_at: sql<Date>`now()` })
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

/** Records why a removal has not succeeded yet; the copy stays `deleting`. */
export const recordRemovalFailure = async (
  db: Queryable,
  id: string,
  { errorCode, errorMessage }: { errorCode: ErrorCode; errorMessage: string },
): Promise<void> => {
  await db
    .updateTable('provider_file_uploads')
    .set({ error_code: errorCode, error_message: errorMessage, updated_at: sql<Date>`now()` })
    .where('id', '=', id)
    .where('status', '=', 'deleting')
    .execute();
};

const inFuture = (ms: number) => sql<Date>`now() + ${ms} * interval '1 millisecond'`;

const toDelivery = (row: Row<'provider_file_uploads'>): Delivery => ({
  id: row.id,
  fileId: row.file_id,
  provider: row.provider,
  account: row.account,
  remoteId: row.provider_file_id,
  shares: row.shares,
  purpose: row.purpose,
  status: row.status,
  reason: row.reason,
  attempts: row.attempts,
  looks: row.looks,
  bytesSent: row.bytes_sent,
  doubt: row.doubt,
  errorCode: row.error_code,
  errorMessage: row.error_message,
  createdAt: row.created_at,
  wantedAt: row.wanted_at,
  dueAt: row.due_at,
  updatedAt: row.updated_at,
  expiresAt: row.expires_at,
});
