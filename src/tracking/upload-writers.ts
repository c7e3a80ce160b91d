import { sql } from 'kysely';
import type { TrackedUpload } from '../core/upload.ts';
import type { Queryable } from '../platform/database.ts';
import { inFuture } from './delivery-row.ts';
import { toUpload } from './uploads.ts';

/**
 * Which instance writes an upload, where several share the blobs. Each writer has a blob of its own, and its key is the
 * fence: every change that a writer makes names the key, and answers false or null when another has taken over.
 */

/** A request of an installation that is at an upload, for `leaseMs` unless it renews. */
export interface UploadClaim {
  readonly owner: string;
  readonly id: string;
  readonly by: string;
  readonly leaseMs: number;
}

/** What names an upload and, with its blob, the writer that it has. */
export type Written = Pick<TrackedUpload, 'id' | 'blobKey'>;

/**
 * Makes an installation the writer, under `newKey` when it was another's, whose blob is then to be fetched from. Null: a
 * request is at it elsewhere, or there is no such upload.
 */
export const claimUpload = async (
  db: Queryable,
  { owner, id, by, leaseMs, newKey }: UploadClaim & { readonly newKey: string },
): Promise<TrackedUpload | null> => {
  const isOurs = sql<boolean>`(writer is null or writer = ${by})`;
  const row = await db
    .updateTable('uploads')
    .set({
      writer: by,
      blob_key: sql<string>`case when ${isOurs} then blob_key else ${newKey} end`,
      taken_from: sql<
        string | null
      >`case when ${isOurs} then taken_from else coalesce(taken_from, blob_key) end`,
      busy_until: inFuture(leaseMs),
      is_wanted: false,
    })
    .where('id', '=', id)
    .where('owner', '=', owner)
    .where(sql<boolean>`(${isOurs} or busy_until is null or busy_until < now())`)
    .returningAll()
    .executeTakeFirst();
  return row === undefined ? null : toUpload(row);
};

/** How an upload stands that another instance may be writing. */
export interface UploadElsewhere {
  readonly upload: TrackedUpload;
  /** The last writer; null when nobody has begun. */
  readonly writer: string | null;
  /** Whether a request is at it. */
  readonly isBusy: boolean;
}

/** Null for another owner's, and once it is a file. */
export const findWritten = async (
  db: Queryable,
  { owner, id }: Pick<UploadClaim, 'owner' | 'id'>,
): Promise<UploadElsewhere | null> => {
  const row = await db
    .selectFrom('uploads')
    .selectAll()
    .select(sql<boolean>`coalesce(busy_until >= now(), false)`.as('is_busy'))
    .where('id', '=', id)
    .where('owner', '=', owner)
    .executeTakeFirst();
  return row === undefined ? null : { upload: toUpload(row), writer: row.writer, isBusy: row.is_busy };
};

/** Says to the request that is at it that another instance waits for its end. */
export const wantUpload = async (db: Queryable, { id, blobKey }: Written): Promise<void> => {
  await db
    .updateTable('uploads')
    .set({ is_wanted: true })
    .where('id', '=', id)
    .where('blob_key', '=', blobKey)
    .where('is_wanted', '=', false)
    .execute();
};

/** Shows that the request still runs, and answers whether another instance waits for its end. Null: it was taken over. */
export const renewUpload = async (
  db: Queryable,
  { id, blobKey }: Written,
  leaseMs: number,
): Promise<{ isWanted: boolean } | null> => {
  const row = await db
    .updateTable('uploads')
    .set({ busy_until: inFuture(leaseMs) })
    .where('id', '=', id)
    .where('blob_key', '=', blobKey)
    .returning('is_wanted')
    .executeTakeFirst();
  return row === undefined ? null : { isWanted: row.is_wanted };
};

/** The writer has fetched what others had of it: the blob that it was taken from is not needed any more. */
export const recordTakenOver = async (
  db: Queryable,
  { id, blobKey, savedBytes }: Written & { readonly savedBytes: number },
): Promise<boolean> => {
  const { numUpdatedRows } = await db
    .updateTable('uploads')
    .set({ taken_from: null, saved_bytes: savedBytes })
    .where('id', '=', id)
    .where('blob_key', '=', blobKey)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
};

/**
 * Ends a request by what it has made durable, and keeps the upload for another `ttlMs` unless that is null. Answers until
 * when it is kept; null: it was taken over, and nothing of this may be told to anybody.
 */
export const recordSaved = async (
  db: Queryable,
  {
    id,
    blobKey,
    savedBytes,
    ttlMs,
  }: Written & { readonly savedBytes: number; readonly ttlMs: number | null },
): Promise<Date | null> => {
  const row = await db
    .updateTable('uploads')
    .set({
      saved_bytes: savedBytes,
      busy_until: null,
      ...(ttlMs === null ? {} : { expires_at: inFuture(ttlMs), updated_at: sql<Date>`now()` }),
    })
    .where('id', '=', id)
    .where('blob_key', '=', blobKey)
    .returning('expires_at')
    .executeTakeFirst();
  return row?.expires_at ?? null;
};

/** Ends a request that has nothing to tell. */
export const releaseUpload = async (db: Queryable, { id, blobKey }: Written): Promise<void> => {
  await db
    .updateTable('uploads')
    .set({ busy_until: null })
    .where('id', '=', id)
    .where('blob_key', '=', blobKey)
    .execute();
};

/** Keeps everybody else from the upload until the transaction has ended. */
export const lockUpload = async (trx: Queryable, { id, blobKey }: Written): Promise<boolean> => {
  const row = await trx
    .selectFrom('uploads')
    .select('id')
    .where('id', '=', id)
    .where('blob_key', '=', blobKey)
    .forUpdate()
    .executeTakeFirst();
  return row !== undefined;
};
