import { sql } from 'kysely';
import type { FileStatus, FileWithDeliveries, TrackedFile } from '../core/file.ts';
import { execute, type Queryable, type Row, type Run } from '../platform/database.ts';
import { deliveriesOf } from './deliveries.ts';

export type NewFile = Omit<TrackedFile, 'createdAt' | 'deletedAt' | 'purgedAt' | 'statusDetails'>;

/** The columns of a file that has just come in. */
export const newFileRow = (file: NewFile) => ({
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
});

/** Inserts files, and answers with them in the same order. */
export const insertFiles = async (
  db: Queryable,
  files: readonly NewFile[],
  run: Run = execute,
): Promise<readonly TrackedFile[]> => {
  const insertion = db.insertInto('files').values(files.map(newFileRow)).returningAll();
  const rows = await run(insertion);
  const byId = new Map(rows.map((row) => [row.id, toFile(row)]));
  return files.flatMap(({ id }) => byId.get(id) ?? []);
};

/** The owner's live file, or null: another owner's file, a deleted and an expired one look the same. */
export const findFile = async (
  db: Queryable,
  owner: string,
  id: string,
): Promise<FileWithDeliveries | null> => {
  const [found = null] = await findEachFile(db, [{ owner, id }]);
  return found;
};

/** The same for many, in one look and the same order. */
export const findEachFile = (
  db: Queryable,
  wanted: readonly Pick<TrackedFile, 'owner' | 'id'>[],
): Promise<readonly (FileWithDeliveries | null)[]> =>
  inSnapshot(db, async (snapshot) => {
    const rows = await snapshot
      .selectFrom('files')
      .selectAll()
      .where('id', '=', sql<string>`any(${wanted.map(({ id }) => id)})`)
      .where('deleted_at', 'is', null)
      .where(hasTimeLeft)
      .execute();
    const files = new Map(rows.map((row) => [row.id, toFile(row)]));
    const deliveries = await deliveriesOf(snapshot, [...files.keys()]);
    return wanted.map(({ owner, id }) => {
      const file = files.get(id);
      return file?.owner === owner ? { file, deliveries: deliveries.get(id) ?? [] } : null;
    });
  });

/** Those of the files that are the owner's, as one look shows them; a deleted one is its tombstone, without deliveries. */
export const findFiles = (
  db: Queryable,
  owner: string,
  ids: readonly string[],
): Promise<readonly FileWithDeliveries[]> =>
  inSnapshot(db, async (snapshot) => {
    if (ids.length === 0) return [];
    const rows = await snapshot
      .selectFrom('files')
      .selectAll()
      .where('id', 'in', ids)
      .where('owner', '=', owner)
      .execute();
    const live = rows.filter(({ deleted_at }) => deleted_at === null).map(({ id }) => id);
    const deliveries = await deliveriesOf(snapshot, live);
    return rows.map((row) => ({ file: toFile(row), deliveries: deliveries.get(row.id) ?? [] }));
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
  const file = (await lockFiles(db, [id])).get(id);
  if (file === undefined) throw new Error(`There is no record of ${id}.`);
  return file;
};

/** Locks several, always in the same order, so that nobody waits in a circle. */
export const lockFiles = async (
  db: Queryable,
  ids: readonly string[],
  run: Run = execute,
): Promise<ReadonlyMap<string, TrackedFile>> => {
  const locking = db
    .selectFrom('files')
    .selectAll()
    .where('id', '=', sql<string>`any(${ids})`)
    .orderBy('id')
    .forUpdate();
  const rows = await run(locking);
  return new Map(rows.map((row) => [row.id, toFile(row)]));
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
  let select = db
    .selectFrom('files')
    .selectAll()
    .where('owner', '=', owner)
    .where('deleted_at', 'is', null)
    .where(hasTimeLeft);
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

export interface StatusOfFile {
  readonly id: string;
  readonly status: FileStatus;
  readonly statusDetails: string | null;
}

export const setFileStatuses = async (
  db: Queryable,
  statuses: readonly StatusOfFile[],
  run: Run = execute,
): Promise<void> => {
  if (statuses.length === 0) return;
  const rows = statuses.map(
    ({ id, status, statusDetails }) => sql`(${id}, ${status}, ${statusDetails}::text)`,
  );
  const given = sql<{ id: string; status: FileStatus; details: string | null }>`(values ${sql.join(rows)})`;
  const update = db
    .updateTable('files')
    .from(given.as<'given'>(sql`given (id, status, details)`))
    .set(({ ref }) => ({ status: ref('given.status'), status_details: ref('given.details') }))
    .whereRef('files.id', '=', 'given.id');
  await run(update);
};

/** Which of these files share their bytes with another live file of the same owner. */
export const filesWithTwins = async (
  db: Queryable,
  files: readonly Pick<TrackedFile, 'id' | 'owner' | 'sha256'>[],
  run: Run = execute,
): Promise<ReadonlySet<string>> => {
  if (files.length === 0) return new Set();
  const pairs = files.map(({ owner, sha256 }) => sql`(${owner}, ${sha256})`);
  const selection = db
    .selectFrom('files')
    .select(['id', 'owner', 'sha256'])
    .where(({ refTuple }) => sql<boolean>`${refTuple('owner', 'sha256')} in (${sql.join(pairs)})`)
    .where('deleted_at', 'is', null);
  const rows = await run(selection);
  const same = Map.groupBy(rows, ({ owner, sha256 }) => `${sha256} ${owner}`);
  return new Set(
    files
      .filter(({ owner, sha256 }) => (same.get(`${sha256} ${owner}`)?.length ?? 0) > 1)
      .map(({ id }) => id),
  );
};

/** A live file of the owner's with these bytes, whose master copy is here. */
export const findBytes = async (
  db: Queryable,
  { owner, sha256, sizeBytes }: Pick<TrackedFile, 'owner' | 'sha256' | 'sizeBytes'>,
): Promise<TrackedFile | null> => {
  const row = await db
    .selectFrom('files')
    .selectAll()
    .where('owner', '=', owner)
    .where('sha256', '=', sha256)
    .where('bytes', '=', sizeBytes)
    .where('deleted_at', 'is', null)
    .where('purged_at', 'is', null)
    .where(hasTimeLeft)
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? null : toFile(row);
};

/** Whether the owner has a live file of exactly this size. */
export const hasFileOfSize = async (db: Queryable, owner: string, sizeBytes: number): Promise<boolean> => {
  const row = await db
    .selectFrom('files')
    .select('id')
    .where('owner', '=', owner)
    .where('bytes', '=', sizeBytes)
    .where('deleted_at', 'is', null)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
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

/** Records that the master copy of a deleted file is gone. */
export const markFilePurged = async (db: Queryable, id: string): Promise<void> => {
  await db
    .updateTable('files')
    .set({ purged_at: sql<Date>`now()` })
    .where('id', '=', id)
    .where('purged_at', 'is', null)
    .execute();
};

/** Which of these blobs a file's record names. */
export const trackedBlobs = async (
  db: Queryable,
  blobKeys: readonly string[],
): Promise<ReadonlySet<string>> => {
  if (blobKeys.length === 0) return new Set();
  const rows = await db.selectFrom('files').select('blob_key').where('blob_key', 'in', blobKeys).execute();
  return new Set(rows.map((row) => row.blob_key));
};

/** A file that has outlived its own expiry is nobody's any more, though its removal may be to come. */
const hasTimeLeft = sql<boolean>`(files.expires_at is null or files.expires_at > now())`;

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
  purgedAt: row.purged_at,
});
