import { sql } from 'kysely';
import type { UploadOptions } from '../core/incoming.ts';
import type { Queryable, Row } from '../platform/database.ts';

/** An address that takes one file without a token. */
export interface TrackedUploadUrl {
  readonly id: string;
  readonly owner: string;
  /** SHA-256 of its secret, in lower-case hex. */
  readonly secretSha256: string;
  readonly filename: string;
  /** Null: what the upload says. */
  readonly mediaType: string | null;
  /** Null: any size that is accepted. */
  readonly sizeBytes: number | null;
  readonly options: UploadOptions;
  readonly expiresAt: Date;
  readonly isExpired: boolean;
  /** Whether an upload has it just now. */
  readonly isClaimed: boolean;
  /** What came of it. */
  readonly fileId: string | null;
}

export type NewUploadUrl = Omit<TrackedUploadUrl, 'expiresAt' | 'isExpired' | 'isClaimed' | 'fileId'> & {
  readonly ttlMs: number;
};

/** An upload's hold on an address, good for `leaseMs` unless it is renewed. */
export interface UploadUrlClaim {
  readonly id: string;
  /** A UUID of the upload's own. */
  readonly claim: string;
}

/**
 * Records an address unless its owner has `maxOpen` that can still be used: then answers with when the first of those
 * ends. To be called in a transaction, in which the owner's others wait.
 */
export const insertUploadUrl = async (
  trx: Queryable,
  url: NewUploadUrl,
  maxOpen: number,
): Promise<TrackedUploadUrl | { readonly fullUntil: Date }> => {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`upload-urls ${url.owner}`}, 0))`.execute(trx);
  const open = await trx
    .selectFrom('upload_urls')
    .select('expires_at')
    .where('owner', '=', url.owner)
    .where('file_id', 'is', null)
    .where('expires_at', '>', sql<Date>`now()`)
    .orderBy('expires_at')
    .limit(maxOpen)
    .execute();
  const [first] = open;
  if (first !== undefined && open.length >= maxOpen) return { fullUntil: first.expires_at };
  const row = await trx
    .insertInto('upload_urls')
    .values({
      id: url.id,
      owner: url.owner,
      secret_sha256: url.secretSha256,
      filename: url.filename,
      media_type: url.mediaType,
      bytes: url.sizeBytes,
      options: JSON.stringify(url.options),
      expires_at: inFuture(url.ttlMs),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return toUploadUrl({ ...row, is_expired: false, is_claimed: false });
};

export const findUploadUrl = async (db: Queryable, id: string): Promise<TrackedUploadUrl | null> => {
  const row = await db
    .selectFrom('upload_urls')
    .selectAll()
    .select([
      sql<boolean>`expires_at <= now()`.as('is_expired'),
      sql<boolean>`coalesce(claimed_until > now(), false)`.as('is_claimed'),
    ])
    .where('id', '=', id)
    .executeTakeFirst();
  return row === undefined ? null : toUploadUrl(row);
};

/** Takes the address for an upload. False when another has it, it was used, or its time is over. */
export const claimUploadUrl = async (
  db: Queryable,
  { id, claim, by, leaseMs }: UploadUrlClaim & { readonly by: string; readonly leaseMs: number },
): Promise<boolean> => {
  const { numUpdatedRows } = await db
    .updateTable('upload_urls')
    .set({ claim, claimed_by: by, claimed_until: inFuture(leaseMs) })
    .where('id', '=', id)
    .where('file_id', 'is', null)
    .where('expires_at', '>', sql<Date>`now()`)
    .where((where) =>
      where.or([where('claimed_until', 'is', null), where('claimed_until', '<=', sql<Date>`now()`)]),
    )
    .executeTakeFirst();
  return numUpdatedRows === 1n;
};

export const renewUploadUrlClaim = async (
  db: Queryable,
  { id, claim, leaseMs }: UploadUrlClaim & { readonly leaseMs: number },
): Promise<void> => {
  const renewing = db.updateTable('upload_urls').set({ claimed_until: inFuture(leaseMs) });
  await renewing.where('id', '=', id).where('claim', '=', claim).where('file_id', 'is', null).execute();
};

/** Ends the address together with what came of it. False when the claim is another's by now. */
export const useUploadUrl = async (
  trx: Queryable,
  { id, claim, fileId }: UploadUrlClaim & { readonly fileId: string },
): Promise<boolean> => {
  const { numUpdatedRows } = await trx
    .updateTable('upload_urls')
    .set({ file_id: fileId, ...NO_CLAIM })
    .where('id', '=', id)
    .where('claim', '=', claim)
    .where('file_id', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
};

/** Lets go of the address of an upload that came to nothing. */
export const releaseUploadUrl = async (db: Queryable, { id, claim }: UploadUrlClaim): Promise<void> => {
  await db.updateTable('upload_urls').set(NO_CLAIM).where('id', '=', id).where('claim', '=', claim).execute();
};

/** The same for all uploads of an installation, whose process has died. */
export const releaseUploadUrlsOf = async (db: Queryable, installation: string): Promise<void> => {
  await db.updateTable('upload_urls').set(NO_CLAIM).where('claimed_by', '=', installation).execute();
};

/** Removes addresses that ended at least `afterMs` ago and that no upload has. Answers how many. */
export const deleteEndedUploadUrls = async (db: Queryable, afterMs: number): Promise<number> => {
  const { numDeletedRows } = await db
    .deleteFrom('upload_urls')
    .where('expires_at', '<=', sql<Date>`now() - ${afterMs} * interval '1 millisecond'`)
    .where((where) =>
      where.or([where('claimed_until', 'is', null), where('claimed_until', '<=', sql<Date>`now()`)]),
    )
    .executeTakeFirst();
  return Number(numDeletedRows);
};

const NO_CLAIM = { claim: null, claimed_by: null, claimed_until: null };

const inFuture = (ms: number) => sql<Date>`now() + ${ms} * interval '1 millisecond'`;

const toUploadUrl = (
  row: Row<'upload_urls'> & { readonly is_expired: boolean; readonly is_claimed: boolean },
): TrackedUploadUrl => ({
  id: row.id,
  owner: row.owner,
  secretSha256: row.secret_sha256,
  filename: row.filename,
  mediaType: row.media_type,
  sizeBytes: row.bytes,
  options: row.options,
  expiresAt: row.expires_at,
  isExpired: row.is_expired,
  isClaimed: row.is_claimed,
  fileId: row.file_id,
});
