import { type Delivery, fileStatus } from '../core/file.ts';
import type { Queryable } from '../platform/database.ts';
import { deliveriesOf } from '../tracking/deliveries.ts';
import { type StatusOfFile, setFileStatuses } from '../tracking/files.ts';

/** What follows for a file from its deliveries. */
export interface SettledFile extends StatusOfFile {
  readonly deliveries: readonly Delivery[];
}

/** Brings a file's status in line with its deliveries. The caller holds the file's row lock (`lockFile`). */
export const settleFile = async (db: Queryable, fileId: string): Promise<void> => {
  await settleFiles(db, [fileId]);
};

/** The same for several files at once, with what was found and set. */
export const settleFiles = async (
  db: Queryable,
  fileIds: readonly string[],
): Promise<ReadonlyMap<string, SettledFile>> => {
  const settled = settle(fileIds, await deliveriesOf(db, fileIds));
  await setFileStatuses(db, [...settled.values()]);
  return settled;
};

/** What follows for each of the files from its deliveries. */
export const settle = (
  fileIds: readonly string[],
  found: ReadonlyMap<string, readonly Delivery[]>,
): ReadonlyMap<string, SettledFile> =>
  new Map(
    fileIds.map((id) => {
      const deliveries = found.get(id) ?? [];
      return [id, { id, deliveries, status: fileStatus(deliveries), statusDetails: failures(deliveries) }];
    }),
  );

/** Every provider that refused, with its reason; null when none did. */
const failures = (deliveries: readonly Delivery[]): string | null => {
  const failed = deliveries.filter(({ status }) => status === 'failed');
  if (failed.length === 0) return null;
  return failed.map(({ provider, errorMessage }) => `${provider}: ${errorMessage ?? 'failed'}`).join(' ');
};
