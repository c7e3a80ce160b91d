import { type ExpressionBuilder, sql } from 'kysely';
import type { Queryable } from '../platform/database.ts';
import type { Tables } from '../platform/tables.ts';

/** Rows that nobody needs any more. Each removal takes at most `limit` and answers with how many went. */

/** How long what was done to files stays on record; `keep_audit` in the migrations says the same. */
const KEEP_DAYS = 90;

const NOW = sql<Date>`now()`;
const old = (days: number) => sql<Date>`now() - ${days} * interval '1 day'`;
/** As long as `claimIdempotencyKey` honours one. */
const KEY_IS_OVER = sql<Date>`now() - interval '24 hours'`;

export type Leftover =
  | 'uploads'
  | 'reservations'
  | 'uploadUrls'
  | 'idempotencyKeys'
  | 'auditRows'
  | 'tombstones'
  | 'passes';

/** How many there are of each now, without touching any. `uploadUrlsAfterMs`: how long an ended upload URL is still told. */
export const countLeftovers = async (
  db: Queryable,
  { uploadUrlsAfterMs }: { readonly uploadUrlsAfterMs: number },
): Promise<Readonly<Record<Leftover, number>>> => {
  const [uploads, reservations, uploadUrls, idempotencyKeys, auditRows, tombstones, passes] =
    await Promise.all([
      counted(db.selectFrom('uploads').select(all).where('expires_at', '<=', NOW)),
      counted(db.selectFrom('reservations').select(all).where('expires_at', '<=', NOW)),
      counted(
        db
          .selectFrom('upload_urls')
          .select(all)
          .where('expires_at', '<=', sql<Date>`now() - ${uploadUrlsAfterMs} * interval '1 millisecond'`)
          .where(sql<boolean>`coalesce(claimed_until <= now(), true)`),
      ),
      counted(db.selectFrom('idempotency_keys').select(all).where('created_at', '<', KEY_IS_OVER)),
      counted(db.selectFrom('audit').select(all).where('at', '<', old(KEEP_DAYS))),
      counted(db.selectFrom('files').select(all).where(isOldTombstone)),
      counted(db.selectFrom('passes').select(all).where('ended_at', '<', old(KEEP_DAYS))),
    ]);
  return { uploads, reservations, uploadUrls, idempotencyKeys, auditRows, tombstones, passes };
};

export const deleteIdempotencyKeys = async (db: Queryable, limit: number): Promise<number> => {
  const { numDeletedRows } = await db
    .deleteFrom('idempotency_keys')
    .where(({ eb, refTuple, selectFrom }) =>
      eb(
        refTuple('owner', 'key'),
        'in',
        selectFrom('idempotency_keys')
          .select(['owner', 'key'])
          .where('created_at', '<', KEY_IS_OVER)
          .limit(limit)
          .$asTuple('owner', 'key'),
      ),
    )
    // Asked of the row once more: meanwhile its owner may have taken the key anew.
    .where('created_at', '<', KEY_IS_OVER)
    .executeTakeFirst();
  return Number(numDeletedRows);
};

export const deleteAuditRows = async (db: Queryable, limit: number): Promise<number> => {
  const { numDeletedRows } = await db
    .deleteFrom('audit')
    .where('id', 'in', (eb) =>
      eb.selectFrom('audit').select('id').where('at', '<', old(KEEP_DAYS)).limit(limit),
    )
    .executeTakeFirst();
  return Number(numDeletedRows);
};

export const deletePasses = async (db: Queryable, limit: number): Promise<number> => {
  const { numDeletedRows } = await db
    .deleteFrom('passes')
    .where('id', 'in', (eb) =>
      eb.selectFrom('passes').select('id').where('ended_at', '<', old(KEEP_DAYS)).limit(limit),
    )
    .executeTakeFirst();
  return Number(numDeletedRows);
};

/** Tombstones that are to go, with the blobs that they name. */
export const listTombstones = async (
  db: Queryable,
  limit: number,
): Promise<readonly { readonly id: string; readonly blobKey: string }[]> => {
  const rows = await db
    .selectFrom('files')
    .select(['id', 'blob_key'])
    .where(isOldTombstone)
    .orderBy('deleted_at')
    .limit(limit)
    .execute();
  return rows.map(({ id, blob_key }) => ({ id, blobKey: blob_key }));
};

/** To be called in a transaction. */
export const deleteTombstones = async (trx: Queryable, ids: readonly string[]): Promise<void> => {
  const each = sql<string>`any(${ids})`;
  await trx.deleteFrom('provider_file_uploads').where('file_id', '=', each).execute();
  await trx.deleteFrom('files').where('id', '=', each).execute();
};

/** Gone everywhere for so long, and named by nothing that stays. */
const isOldTombstone = ({ and, eb, not, exists, selectFrom }: ExpressionBuilder<Tables, 'files'>) =>
  and([
    eb('files.deleted_at', '<', old(KEEP_DAYS)),
    not(
      exists(
        selectFrom('provider_file_uploads as copy')
          .select('copy.id')
          .whereRef('copy.file_id', '=', 'files.id')
          .where((copy) =>
            copy.or([
              copy('copy.status', '<>', 'deleted'),
              copy('copy.updated_at', '>=', old(KEEP_DAYS)),
              copy.exists(
                copy
                  .selectFrom('provider_file_uploads as sharer')
                  .select('sharer.id')
                  .whereRef('sharer.shares', '=', 'copy.id')
                  .whereRef('sharer.file_id', '<>', 'files.id'),
              ),
            ]),
          ),
      ),
    ),
    not(
      exists(
        selectFrom('idempotency_keys').select('key').whereRef('idempotency_keys.file_id', '=', 'files.id'),
      ),
    ),
  ]);

const all = sql<number>`count(*)`.as('count');

const counted = async (selection: {
  executeTakeFirstOrThrow(): Promise<{ readonly count: number }>;
}): Promise<number> => (await selection.executeTakeFirstOrThrow()).count;
