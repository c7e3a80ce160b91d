import { sql } from 'kysely';
import type { ErrorCode } from '../core/errors.ts';
import type { Delivery, DeliveryStatus, Doubt } from '../core/file.ts';
import { execute, type Queryable, type Run } from '../platform/database.ts';
import { inFuture, toDelivery } from './delivery-row.ts';

/** Attempts at deliveries: who has one, how far it is, how it ended. The rules of `deliveries.ts` hold here. */

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
