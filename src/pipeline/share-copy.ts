import type { Delivery, TrackedFile } from '../core/file.ts';
import { type Queryable, transact } from '../platform/database.ts';
import { markDeliveryDeleted } from '../tracking/delivery-removals.ts';
import { lockFile } from '../tracking/files.ts';
import { findHolder, findShareable, leaveShared, share } from '../tracking/sharing.ts';
import type { Dependencies } from './dependencies.ts';
import { settleFile } from './settle-file.ts';

/**
 * Serves a delivery by a copy that the owner already has there, without sending a byte. Answers whether that was
 * possible; not while the delivery's own copy may be there.
 */
export const shareCopy = async (
  dependencies: Dependencies,
  delivery: Delivery,
  file: TrackedFile,
): Promise<boolean> =>
  delivery.doubt === 'none' &&
  serve(dependencies, delivery, file, (trx) => findShareable(trx, delivery, file));

/**
 * Serves a delivery by the copy whose id the provider has answered with, if another delivery of the same bytes holds it:
 * Mistral gives the same bytes the same id, whoever sends them.
 */
export const shareHeldCopy = (
  dependencies: Dependencies,
  delivery: Delivery,
  file: TrackedFile,
  remoteId: string,
): Promise<boolean> =>
  serve(dependencies, delivery, file, (trx) => findHolder(trx, delivery, { remoteId, sha256: file.sha256 }));

const serve = async (
  { database, metrics, log }: Dependencies,
  delivery: Delivery,
  file: TrackedFile,
  findCopy: (trx: Queryable) => Promise<string | null>,
): Promise<boolean> => {
  const isServed = await transact(database, async (trx) => {
    const holderId = await findCopy(trx);
    if (holderId === null) return false;
    const { deletedAt } = await lockFile(trx, file.id);
    if (deletedAt !== null || !(await share(trx, delivery, holderId))) return false;
    await settleFile(trx, file.id);
    return true;
  });
  if (!isServed) return false;
  const { provider } = delivery;
  metrics.deliveries.completed(provider, { ...delivery, ...file });
  log.info({ event: 'copy_shared', file: file.id, provider });
  return true;
};

/** Closes the record of a removed delivery whose copy serves other files, and so stays. Answers whether it does. */
export const leaveCopyToOthers = ({ database }: Dependencies, deliveryId: string): Promise<boolean> =>
  transact(database, async (trx) => {
    const isNeeded = await leaveShared(trx, deliveryId);
    if (isNeeded) await markDeliveryDeleted(trx, deliveryId);
    return isNeeded;
  });
