import { sql } from 'kysely';
import type { TrackedUpload } from '../core/upload.ts';
import type { Queryable, Row } from '../platform/database.ts';
import { inFuture } from './delivery-row.ts';

/** An upload that is to be given up `ttlMs` from now if nothing more comes. */
export type NewUpload = Omit<TrackedUpload, 'expiresAt' | 'takenFrom' | 'savedBytes'> & {
  readonly ttlMs: number;
};

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

/** Records what the client has told now of an upload whose length it left open. False: it is another writer's, or gone. */
export const setUploadLength = async (
  db: Queryable,
  { id, blobKey }: Pick<TrackedUpload, 'id' | 'blobKey'>,
  lengthBytes: number,
): Promise<boolean> => {
  const { numUpdatedRows } = await db
    .updateTable('uploads')
    .set({ length: lengthBytes, updated_at: sql<Date>`now()` })
    .where('id', '=', id)
    .where('blob_key', '=', blobKey)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
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

/** False when there was none, or another instance has taken it over. */
export const deleteUpload = async (
  db: Queryable,
  { id, blobKey }: Pick<TrackedUpload, 'id' | 'blobKey'>,
): Promise<boolean> => {
  const { numDeletedRows } = await db
    .deleteFrom('uploads')
    .where('id', '=', id)
    .where('blob_key', '=', blobKey)
    .executeTakeFirst();
  return numDeletedRows === 1n;
};

/** Deletes an upload whose time is over, and answers with it; null when it has more time now, is written to, or is gone. */
export const deleteExpiredUpload = async (db: Queryable, id: string): Promise<TrackedUpload | null> => {
  const row = await db
    .deleteFrom('uploads')
    .where('id', '=', id)
    .where('expires_at', '<=', sql<Date>`now()`)
    .where(({ or, eb }) => or([eb('busy_until', 'is', null), eb('busy_until', '<', sql<Date>`now()`)]))
    .returningAll()
    .executeTakeFirst();
  return row === undefined ? null : toUpload(row);
};

/** Uploads whose time is over, the oldest first. */
export const expiredUploads = async (db: Queryable, limit: number): Promise<readonly string[]> => {
  const rows = await db
    .selectFrom('uploads')
    .select('id')
    .where('expires_at', '<=', sql<Date>`now()`)
    .orderBy('expires_at')
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
};

/** Which of these blobs are those of uploads that still come in, or hold bytes that their writers have still to fetch. */
export const growingBlobs = async (
  db: Queryable,
  blobKeys: readonly string[],
): Promise<ReadonlySet<string>> => {
  if (blobKeys.length === 0) return new Set();
  const rows = await db
    .selectFrom('uploads')
    .select(['blob_key', 'taken_from'])
    .where(({ or, eb }) => or([eb('blob_key', 'in', blobKeys), eb('taken_from', 'in', blobKeys)]))
    .execute();
  return new Set(rows.flatMap((row) => [row.blob_key, row.taken_from ?? []].flat()));
};

export const toUpload = (row: Row<'uploads'>): TrackedUpload => ({
  id: row.id,
  owner: row.owner,
  filename: row.filename,
  mediaType: row.media_type,
  options: row.options,
  lengthBytes: row.length,
  blobKey: row.blob_key,
  metadata: row.metadata,
  expiresAt: row.expires_at,
  takenFrom: row.taken_from,
  savedBytes: row.saved_bytes,
});
