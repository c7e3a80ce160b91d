import { sql } from 'kysely';
import type { Delivery, DeliveryStatus } from '../core/file.ts';
import type { ProviderId } from '../core/provider.ts';
import type { Queryable } from '../platform/database.ts';
import { toDelivery } from './delivery-row.ts';

/** What a comparison with a provider asks the record, and writes into it. The rules of `deliveries.ts` hold here. */

export interface Account {
  readonly provider: ProviderId;
  readonly account: string;
}

/** Every account that deliveries were made for, with how many copies the record says are there. */
export const recordedAccounts = async (
  db: Queryable,
): Promise<readonly (Account & { readonly held: number })[]> =>
  db
    .selectFrom('provider_file_uploads')
    .select(({ fn }) => [
      'provider',
      'account',
      fn
        .countAll<number>()
        .filterWhere('provider_file_id', 'is not', null)
        .filterWhere('status', 'in', heldStatuses)
        .as('held'),
    ])
    .groupBy(['provider', 'account'])
    .orderBy('provider')
    .orderBy('account')
    .execute();

/** In these a row says that its copy is at the provider; one that is `deleting` is on its way out by a job of its own. */
const heldStatuses: readonly DeliveryStatus[] = ['processing', 'completed', 'failed', 'evicted'];

/** The time by the record's clock, so many milliseconds ago. */
export const recordTime = async (db: Queryable, agoMs: number): Promise<Date> => {
  const { rows } = await sql<{ at: Date }>`select now() - ${agoMs} * interval '1 millisecond' as at`.execute(
    db,
  );
  const [row] = rows;
  if (row === undefined) throw new Error('The database did not tell the time.');
  return row.at;
};

/** A row that names a provider's file. */
export interface NamedCopy {
  readonly remoteId: string;
  readonly account: string;
  readonly fileId: string;
  readonly sizeBytes: number;
}

/** The live rows that name these of a provider's files, in any of the accounts. */
export const copiesNamed = async (
  db: Queryable,
  { provider, accounts }: { provider: ProviderId; accounts: readonly string[] },
  remoteIds: readonly string[],
): Promise<readonly NamedCopy[]> => {
  const rows = await db
    .selectFrom('provider_file_uploads as copy')
    .innerJoin('files as file', 'file.id', 'copy.file_id')
    .select(['copy.provider_file_id', 'copy.account', 'copy.file_id', 'file.bytes'])
    .where('copy.provider', '=', provider)
    .where('copy.account', '=', sql<string>`any(${accounts})`)
    .where('copy.provider_file_id', '=', sql<string>`any(${remoteIds})`)
    .where('copy.status', '<>', 'deleted')
    .execute();
  return rows.flatMap(({ provider_file_id: remoteId, account, file_id: fileId, bytes: sizeBytes }) =>
    remoteId === null ? [] : [{ remoteId, account, fileId, sizeBytes }],
  );
};

/** A delivery with what matters of its file. */
export interface Sender extends Delivery {
  readonly sizeBytes: number;
  readonly isFileDeleted: boolean;
}

/** The deliveries to a provider, in any account and state, whose mark is one of these (see `lastMark`). */
export const sendersByMark = async (
  db: Queryable,
  provider: ProviderId,
  marks: readonly string[],
): Promise<ReadonlyMap<string, Sender>> => {
  if (marks.length === 0) return new Map();
  const rows = await db
    .selectFrom('provider_file_uploads as copy')
    .innerJoin('files as file', 'file.id', 'copy.file_id')
    .selectAll('copy')
    .select(['file.bytes', 'file.deleted_at'])
    .where('copy.provider', '=', provider)
    .where(sql<string>`right(copy.id::text, 12)`, '=', sql<string>`any(${marks})`)
    .execute();
  return new Map(
    rows.map((row) => [
      row.id.slice(-12),
      { ...toDelivery(row), sizeBytes: row.bytes, isFileDeleted: row.deleted_at !== null },
    ]),
  );
};

/** A copy that the record says is at its provider. */
export interface TrackedCopy extends Account {
  readonly id: string;
  readonly fileId: string;
  readonly remoteId: string;
  readonly status: DeliveryStatus;
  /** The provider has announced that it does not keep it any longer. */
  readonly isExpired: boolean;
  /** It is as it is since before the given time. */
  readonly isSettled: boolean;
}

/** The next copies that the record says are in an account, by their remote id. One that serves several files comes once. */
export const trackedCopies = async (
  db: Queryable,
  { provider, account }: Account,
  { after, limit, settledBefore }: { after: string; limit: number; settledBefore: Date },
): Promise<readonly TrackedCopy[]> => {
  const rows = await db
    .selectFrom('provider_file_uploads')
    .select(['id', 'file_id', 'provider_file_id', 'status'])
    .select(({ eb }) => [
      eb(sql<Date>`coalesce(expires_at, 'infinity')`, '<=', sql<Date>`now()`).as('is_expired'),
      eb('updated_at', '<', settledBefore).as('is_settled'),
    ])
    .where('provider', '=', provider)
    .where('account', '=', account)
    .where('provider_file_id', '>', after)
    .where('status', 'in', heldStatuses)
    .orderBy('provider_file_id')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    provider,
    account,
    id: row.id,
    fileId: row.file_id,
    remoteId: row.provider_file_id ?? '',
    status: row.status,
    isExpired: row.is_expired === true,
    isSettled: row.is_settled === true,
  }));
};

/** The deliveries that a copy serves besides the one that holds it. */
export const servedBy = async (db: Queryable, holderId: string): Promise<readonly Delivery[]> => {
  const rows = await db
    .selectFrom('provider_file_uploads')
    .selectAll()
    .where('shares', '=', holderId)
    .where('status', '=', 'completed')
    .execute();
  return rows.map(toDelivery);
};

/** Whether bytes as those of this file are being sent to an account just now. */
export const isBeingSent = async (
  db: Queryable,
  { provider, account }: Account,
  fileId: string,
): Promise<boolean> => {
  const row = await db
    .selectFrom('provider_file_uploads as copy')
    .innerJoin('files as file', 'file.id', 'copy.file_id')
    .select('copy.id')
    .where('copy.provider', '=', provider)
    .where('copy.account', '=', account)
    .where('copy.status', '=', 'uploading')
    .where('file.sha256', '=', ({ selectFrom }) =>
      selectFrom('files').select('sha256').where('id', '=', fileId),
    )
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
};

/** A provider's file that a delivery takes for its copy. */
export interface Adoption {
  readonly remoteId: string;
  readonly status: 'processing' | 'completed';
  readonly sizeBytes: number;
  readonly expiresAt: Date | null;
}

/** Gives a delivery without a copy one that it has sent itself. False: it is not as it was given any more. */
export const adoptCopy = async (
  db: Queryable,
  { id, attempts, status }: Pick<Delivery, 'id' | 'attempts' | 'status'>,
  { remoteId, status: adopted, sizeBytes, expiresAt }: Adoption,
): Promise<boolean> => {
  const { numUpdatedRows } = await db
    .updateTable('provider_file_uploads')
    .set({
      status: adopted,
      provider_file_id: remoteId,
      bytes_sent: sizeBytes,
      expires_at: expiresAt,
      doubt: 'none',
      session: null,
      error_code: null,
      error_message: null,
      due_at: null,
      updated_at: sql<Date>`now()`,
    })
    .where('id', '=', id)
    .where('attempts', '=', attempts)
    .where('status', '=', status)
    .where('status', 'in', ['pending', 'failed', 'evicted'])
    .where('provider_file_id', 'is', null)
    .where('shares', 'is', null)
    // A row of a deleted file goes on naming what it held, and an id is recorded once.
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('provider_file_uploads as other')
            .select('other.id')
            .whereRef('other.provider', '=', 'provider_file_uploads.provider')
            .whereRef('other.account', '=', 'provider_file_uploads.account')
            .where('other.provider_file_id', '=', remoteId),
        ),
      ),
    )
    .executeTakeFirst();
  return numUpdatedRows === 1n;
};

/** Lets go of a copy that served nobody and that the provider does not have any more. False: it is not that copy any more. */
export const forgetCopy = async (
  db: Queryable,
  { id, remoteId }: Pick<TrackedCopy, 'id' | 'remoteId'>,
): Promise<boolean> => {
  const { numUpdatedRows } = await db
    .updateTable('provider_file_uploads')
    .set({ provider_file_id: null, expires_at: null, updated_at: sql<Date>`now()` })
    .where('id', '=', id)
    .where('provider_file_id', '=', remoteId)
    .where('status', 'in', ['failed', 'evicted'])
    .executeTakeFirst();
  return numUpdatedRows === 1n;
};
