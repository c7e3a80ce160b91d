import { sql } from 'kysely';
import type { FileStatus, FileWithDeliveries, TrackedFile } from '../core/file.ts';
import type { Queryable, Row } from '../platform/database.ts';
import { deliveriesOf } from './deliveries.ts';

export type NewFile = Omit<TrackedFile, 'createdAt' | 'deletedAt' | 'statusDetails'>;

export const insertFile = async (db: Queryable, file: NewFile): Promise<TrackedFile> => {
  const row = await db
    .insertInto('files')
    .values({
      id: file.id,
      owner: file.owner,
      filename: file.filename,
      media_type: file.mediaType,
      bytes: file.sizeBytes,
      sha256: file.sha256,
      purpose: file.purpose,
      status: file.status,
      status_details: null,
      blob_key: file.blobKey,
      expires_at: file.expiresAt,
      deleted_at: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return toFile(row);
};

/** The owner's live file, or null: another owner's file and a deleted one look the same. */
export const findFile = async (
  db: Queryable,
  owner: string,
  id: string,
): Promise<FileWithDeliveries | null> =>
  inSnapshot(db, async (snapshot) => {
    const row = await snapshot
      .selectFrom('files')
      .selectAll()
      .where('id', '=', id)
      .where('owner', '=', owner)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    if (row === undefined) return null;
    return { file: toFile(row), deliveries: (await deliveriesOf(snapshot, [id])).get(id) ?? [] };
  });

/** Reads of one state of the record: a file's status and its deliveries change together, and are to be seen together. */
const inSnapshot = <T>(db: Queryable, read: (snapshot: Queryable) => Promise<T>): Promise<T> =>
  db.isTransaction
    ? read(db)
    : db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(read);

/** The file whoever owns it, deleted or not; for work that the record itself asked for. */
export const getFile = async (db: Queryable, id: string): Promise<TrackedFile> => {
  const row = await db.selectFrom('files').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  return toFile(row);
};

/** Locks the file's row until the transaction ends, so that what follows from its deliveries is decided one at a time. */
export const lockFile = async (db: Queryable, id: string): Promise<TrackedFile> => {
  const row = await db
    .selectFrom('files')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow();
  return toFile(row);
};

export interface FileQuery {
  readonly limit: number;
  /** The id of the last file of the page before; a page starts behind it. */
  readonly after?: string | undefined;
  readonly order: 'asc' | 'desc';
  readonly purpose?: string | undefined;
  readonly provider?: string | undefined;
  readonly status?: FileStatus | undefined;
  /** Part of the file name, in any case. */
  readonly q?: string | undefined;
}

export interface FilePage {
  readonly files: readonly FileWithDeliveries[];
  readonly hasMore: boolean;
}

/** One page of the owner's live files. An `after` that is not the owner's gives an empty page. */
export const listFiles = (db: Queryable, owner: string, query: FileQuery): Promise<FilePage> =>
  inSnapshot(db, (snapshot) => readPage(snapshot, owner, query));

const readPage = async (db: Queryable, owner: string, query: FileQuery): Promise<FilePage> => {
  const { limit, after, order, purpose, provider, status, q } = query;
  let select = db.selectFrom('files').selectAll().where('owner', '=', owner).where('deleted_at', 'is', null);
  if (purpose !== undefined) select = select.where('purpose', '=', purpose);
  if (status !== undefined) select = select.where('status', '=', status);
  if (q !== undefined) select = select.where('filename', 'ilike', `%${q.replace(/[\\%_]/gu, '\\$&')}%`);
  if (provider !== undefined) {
    select = select.where('id', 'in', (sub) =>
      sub
        .selectFrom('provider_file_uploads')
        .select('file_id')
        .where('provider', '=', sql<never>`${provider}`)
        .where('status', '<>', 'deleted'),
    );
  }
  if (after !== undefined) {
    select = select.where(({ eb, refTuple, selectFrom }) =>
      eb(
        refTuple('created_at', 'id'),
        order === 'desc' ? '<' : '>',
        // A row comparison, so that the index serves it; the type of a subquery of two columns is not expressible.
        selectFrom('files')
          .select(['created_at', 'id'])
          .where('id', '=', after)
          .where('owner', '=', owner) as never,
      ),
    );
  }
  const rows = await select
    .orderBy('created_at', order)
    .orderBy('id', order)
    .limit(limit + 1)
    .execute();
  const page = rows.slice(0, limit);
  const deliveries = await deliveriesOf(
    db,
    page.map(({ id }) => id),
  );
  return {
    files: page.map((row) => ({ file: toFile(row), deliveries: deliveries.get(row.id) ?? [] })),
    hasMore: rows.length > limit,
  };
};

export const setFileStatus = async (
  db: Queryable,
  id: string,
  { status, statusDetails }: { status: FileStatus; statusDetails: string | null },
): Promise<void> => {
  await db.updateTable('files').set({ status, status_details: statusDetails }).where('id', '=', id).execute();
};

/** Turns the file into a tombstone. Answers false when it was one already, or is not the owner's. */
export const markFileDeleted = async (db: Queryable, owner: string, id: string): Promise<boolean> => {
  const { numUpdatedRows } = await db
    .updateTable('files')
    .set({ deleted_at: sql`now()` })
    .where('id', '=', id)
    .where('owner', '=', owner)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
};

/** Which of these blobs a live file's record names. */
export const trackedBlobs = async (
  db: Queryable,
  blobKeys: readonly string[],
): Promise<ReadonlySet<string>> => {
  if (blobKeys.length === 0) return new Set();
  const rows = await db.selectFrom('files').select('blob_key').where('blob_key', 'in', blobKeys).execute();
  return new Set(rows.map((row) => row.blob_key));
};

const toFile = (row: Row<'files'>): TrackedFile => ({
  id: row.id,
  owner: row.owner,
  filename: row.filename,
  mediaType: row.media_type,
  sizeBytes: row.bytes,
  sha256: row.sha256,
  purpose: row.purpose,
  status: row.status,
  statusDetails: row.status_details,
  blobKey: row.blob_key,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  deletedAt: row.deleted_at,
});
