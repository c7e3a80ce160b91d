import { sql } from 'kysely';
import type { TrackedUpload } from '../core/upload.ts';
import type { Queryable, Row } from '../platform/database.ts';

/** An upload that is to be given up `ttlMs` from now if nothing more comes. */
export type NewUpload = Omit<TrackedUpload, 'expiresAt'> & { readonly ttlMs: number };

export const insertUpload = async (db: Queryable, upload: NewUpload): Promise<TrackedUpload> => {
  const row = await db
    .insertInto('uploads')
    .values({
      id: upload.id,
      owner: upload.owner,
      filename: upload.filename,
      media_type: upload.mediaType,
      options: JSON.stringify(upload.options),
      length: upload.lengthBytes,
      blob_key: upload.blobKey,
      metadata: upload.metadata,
      expires_at: inFuture(upload.ttlMs),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return toUpload(row);
};

/** The owner's upload, expired or not; null for another owner's, and once it is a file. */
export const findUpload = async (db: Queryable, owner: string, id: string): Promise<TrackedUpload | null> => {
  const row = await db
    .selectFrom('uploads')
    .selectAll()
    .where('id', '=', id)
    .where('owner', '=', owner)
    .executeTakeFirst();
  return row === undefined ? null : toUpload(row);
};

/** How many uploads of the owner are not complete. */
export const countUploads = async (db: Queryable, owner: string): Promise<number> => {
  const { uploads } = await db
    .selectFrom('uploads')
    .select(({ fn }) => fn.countAll<number>().as('uploads'))
    .where('owner', '=', owner)
    .executeTakeFirstOrThrow();
  return uploads;
};

/** Records what the client has told now of an upload whose length it left open. */
export const setUploadLength = async (db: Queryable, id: string, lengthBytes: number): Promise<void> => {
  await db
    .updateTable('uploads')
    .set({ length: lengthBytes, updated_at: sql<Date>`now()` })
    .where('id', '=', id)
    .execute();
};

/** Keeps the upload for another `ttlMs`. Answers until when; null when it is there no more. */
export const touchUpload = async (db: Queryable, id: string, ttlMs: number): Promise<Date | null> => {
  const row = await db
    .updateTable('uploads')
    .set({ expires_at: inFuture(ttlMs), updated_at: sql<Date>`now()` })
    .where('id', '=', id)
    .returning('expires_at')
    .executeTakeFirst();
  return row?.expires_at ?? null;
};

/** Answers false when there was none. */
export const deleteUpload = async (db: Queryable, id: string): Promise<boolean> => {
  const { numDeletedRows } = await db.deleteFrom('uploads').where('id', '=', id).executeTakeFirst();
  return numDeletedRows === 1n;
};

/** Deletes an upload whose time is over; false when it has more time now, or is gone. */
export const deleteExpiredUpload = async (db: Queryable, id: string): Promise<boolean> => {
  const { numDeletedRows } = await db
    .deleteFrom('uploads')
    .where('id', '=', id)
    .where('expires_at', '<=', sql<Date>`now()`)
    .executeTakeFirst();
  return numDeletedRows === 1n;
};

/** Uploads whose time is over, the oldest first. */
export const expiredUploads = async (
  db: Queryable,
  limit: number,
): Promise<readonly Pick<TrackedUpload, 'id' | 'blobKey'>[]> => {
  const rows = await db
    .selectFrom('uploads')
    .select(['id', 'blob_key'])
    .where('expires_at', '<=', sql<Date>`now()`)
    .orderBy('expires_at')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ id: row.id, blobKey: row.blob_key }));
};

/** Which of these blobs are those of uploads that still come in. */
export const growingBlobs = async (
  db: Queryable,
  blobKeys: readonly string[],
): Promise<ReadonlySet<string>> => {
  if (blobKeys.length === 0) return new Set();
  const rows = await db.selectFrom('uploads').select('blob_key').where('blob_key', 'in', blobKeys).execute();
  return new Set(rows.map((row) => row.blob_key));
};

const inFuture = (ms: number) => sql<Date>`now() + ${ms} * interval '1 millisecond'`;

const toUpload = (row: Row<'uploads'>): TrackedUpload => ({
  id: row.id,
  owner: row.owner,
  filename: row.filename,
  mediaType: row.media_type,
  options: row.options,
  lengthBytes: row.length,
  blobKey: row.blob_key,
  metadata: row.metadata,
  expiresAt: row.expires_at,
});
