import { type Delivery, fileStatus } from '../core/file.ts';
import type { Queryable } from '../platform/database.ts';
import { deliveriesOf } from '../tracking/deliveries.ts';
import { setFileStatus } from '../tracking/files.ts';

/** Brings a file's status in line with its deliveries. The caller holds the file's row lock (`lockFile`). */
export const settleFile = async (db: Queryable, fileId: string): Promise<void> => {
  const deliveries = (await deliveriesOf(db, [fileId])).get(fileId) ?? [];
  await setFileStatus(db, fileId, { status: fileStatus(deliveries), statusDetails: failures(deliveries) });
};

/** Every provider that refused, with its reason; null when none did. */
const failures = (deliveries: readonly Delivery[]): string | null => {
  const failed = deliveries.filter(({ status }) => status === 'failed');
  if (failed.length === 0) return null;
  return failed.map(({ provider, errorMessage }) => `${provider}: ${errorMessage ?? 'failed'}`).join(' ');
};
