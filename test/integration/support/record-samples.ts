import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Delivery, DeliveryStatus, TrackedFile } from '../../../src/core/file.ts';
import { newFileId } from '../../../src/core/file.ts';
import type { Queryable } from '../../../src/platform/database.ts';
import { getDelivery, insertDeliveries, type NewDelivery } from '../../../src/tracking/deliveries.ts';
import { insertFiles, type NewFile } from '../../../src/tracking/files.ts';
import { openQuota, reserveRoom } from '../../../src/tracking/quotas.ts';

/** A file as it is first recorded, with what a test says of it. */
export const newFile = (overrides: Partial<NewFile> = {}): NewFile => ({
  id: newFileId(),
  owner: 'user-1',
  filename: 'notes.txt',
  mediaType: 'text/plain',
  sizeBytes: 1_000,
  sha256: createHash('sha256').update(randomBytes(8)).digest('hex'),
  purpose: 'user_data',
  status: 'uploaded',
  blobKey: randomBytes(16).toString('hex'),
  expiresAt: null,
  ...overrides,
});

/** A delivery as it is first recorded, with what a test says of it. */
export const newDelivery = (fileId: string, overrides: Partial<NewDelivery> = {}): NewDelivery => ({
  id: randomUUID(),
  fileId,
  provider: 'kimi',
  account: 'account-1',
  purpose: 'file-extract',
  status: 'pending',
  claim: null,
  reason: 'Named in the request.',
  errorCode: null,
  errorMessage: null,
  ...overrides,
});

const inTransaction = <T>(db: Queryable, work: (trx: Queryable) => Promise<T>): Promise<T> =>
  db.isTransaction ? work(db) : db.transaction().execute(work);

/** Records one file, in room that is reserved for it. */
export const insertFile = async (db: Queryable, file: NewFile): Promise<TrackedFile> => {
  const limits = { bytes: null, files: null };
  const [inserted] = await inTransaction(db, async (trx) => {
    await openQuota(trx, file.owner);
    await reserveRoom(trx, { owner: file.owner, reservations: [file], holder: 'upload', limits });
    return insertFiles(trx, [file]);
  });
  if (inserted === undefined) throw new Error('The file was not inserted.');
  return inserted;
};

export const recordFile = (db: Queryable, overrides: Partial<NewFile> = {}): Promise<TrackedFile> =>
  insertFile(db, newFile(overrides));

/** Records a delivery; fails when the file has one like it. */
export const recordDelivery = async (
  db: Queryable,
  fileId: string,
  overrides: Partial<NewDelivery> = {},
): Promise<Delivery> => {
  const [inserted] = await insertDeliveries(db, [newDelivery(fileId, overrides)]);
  if (inserted === undefined) throw new Error('The delivery was there already.');
  return inserted;
};

/** A delivery, of a file of its own, in a state that else only its history could bring it into. */
export const recordDeliveryThatIs = async (
  db: Queryable,
  status: DeliveryStatus,
  { remoteId = null, claimedBy = null }: { remoteId?: string | null; claimedBy?: string | null } = {},
): Promise<Delivery> => {
  const { id } = await recordDelivery(db, (await recordFile(db)).id);
  await db
    .updateTable('provider_file_uploads')
    .set({ status, provider_file_id: remoteId, claimed_by: claimedBy })
    .where('id', '=', id)
    .execute();
  return getDelivery(db, id);
};
