import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { Delivery } from '../core/file.ts';
import { removeRecorded, removeSurplus } from '../delivery/attempt.ts';
import { transact } from '../platform/database.ts';
import { deliveriesOf } from '../tracking/deliveries.ts';
import {
  lookAgain,
  markDeliveriesDeleting,
  markDeliveryDeleted,
  recordedCopies,
  recordRemovalFailure,
} from '../tracking/delivery-removals.ts';
import { getFile, markFileDeleted, markFilePurged } from '../tracking/files.ts';
import { type Dependencies, LIST_LAG_MS } from './dependencies.ts';
import { sendTidying } from './end-delivery.ts';
import { holdRemovals } from './hold-removals.ts';
import { retireJob } from './job-kinds.ts';
import { leaveCopyToOthers } from './share-copy.ts';
import { type Wait, watchFile } from './watch-file.ts';

/** Deletes a file for its owner. From then on nobody sees it; its removal everywhere goes on in the background. */
export const deleteFile = async (
  { database, jobs, changes, log }: Dependencies,
  owner: string,
  id: string,
): Promise<void> => {
  await transact(database, async (trx) => {
    if (!(await markFileDeleted(trx, owner, id)))
      throw new GatewayError('not_found', `There is no file ${id}.`, { param: 'id' });
    await markDeliveriesDeleting(trx, [id]);
    await jobs.send(trx, retireJob, { fileId: id });
  });
  changes.announce(id, owner);
  log.info({ event: 'file_deleted', file: id, owner });
};

/** Whether every provider has confirmed the removal of a deleted file's copies, by the end of the wait. */
export const awaitRemoval = (dependencies: Dependencies, id: string, wait: Wait): Promise<boolean> =>
  watchFile(dependencies, id, wait, async () => {
    const isGone = (await deliveriesOf(dependencies.database, [id])).size === 0;
    return { value: isGone, isDone: isGone };
  });

/**
 * Takes a deleted file away: its copies at the providers first, then the master copy. Rejects, so that the queue
 * runs it again, while a provider refuses; a copy still being sent ends with a job of its own.
 */
export const retireFile = async (
  dependencies: Dependencies,
  fileId: string,
  signal: AbortSignal,
): Promise<void> => {
  const { database, blobs, changes } = dependencies;
  const copies = (await deliveriesOf(database, [fileId])).get(fileId) ?? [];
  const removed = await Promise.all(copies.map((copy) => removeCopy(dependencies, copy, signal)));
  changes.announce(fileId);
  if (removed.includes('refused'))
    throw new Error('A provider has not removed its copy yet; trying again later.');
  if (removed.includes('in-use')) return;
  const { blobKey } = await getFile(database, fileId);
  await blobs.remove(blobKey);
  await markFilePurged(database, fileId);
};

/**
 * Removes one copy, and whatever else attempts in doubt may have left under its mark. While it is in doubt, nothing
 * found proves little: it is looked for once more.
 */
const removeCopy = async (
  dependencies: Dependencies,
  copy: Delivery,
  signal: AbortSignal,
): Promise<'removed' | 'refused' | 'in-use'> => {
  const { database, jobs, providers, log, listLagMs = LIST_LAG_MS } = dependencies;
  if (copy.status !== 'deleting') return 'in-use';
  const isTooEarly = copy.doubt === 'look_again' && Date.now() - copy.updatedAt.getTime() < listLagMs;
  if (isTooEarly || (copy.dueAt !== null && copy.dueAt.getTime() > Date.now())) return 'refused';
  if (await leaveCopyToOthers(dependencies, copy.id)) return 'removed';
  try {
    await holdRemovals(database);
    const provider = providers.get(copy.provider);
    if (provider?.account !== copy.account) {
      throw new GatewayError(
        'unknown_provider',
        `${copy.provider} is not configured with the account that holds this copy.`,
      );
    }
    const isOurs =
      copy.remoteId === null ||
      (await removeRecorded(provider, { ...copy, remoteId: copy.remoteId }, signal));
    if (!isOurs) log.error({ event: 'copy_not_ours', file: copy.fileId, provider: copy.provider });
    const mayHaveMore = !isOurs || copy.attempts > 1 || copy.doubt !== 'none';
    const surplus = mayHaveMore
      ? await removeSurplus({
          provider,
          delivery: copy,
          recorded: (ids) => recordedCopies(database, copy, ids),
          // Nothing is sent any more for a copy that is being removed.
          isCurrent: async () => true,
          signal,
        })
      : 0;
    if (copy.doubt === 'look' && surplus === 0) {
      await transact(database, async (trx) => {
        await lookAgain(trx, copy.id);
        await jobs.send(trx, retireJob, { fileId: copy.fileId }, { delayMs: listLagMs });
      });
      return 'in-use';
    }
    await transact(database, async (trx) => {
      await markDeliveryDeleted(trx, copy.id);
      if (mayHaveMore) await sendTidying(dependencies, trx, copy.id);
    });
    return 'removed';
  } catch (error) {
    const { code: errorCode, message: errorMessage, retryAfterMs } = toGatewayError(error);
    log.warn({
      event: 'removal_failed',
      file: copy.fileId,
      provider: copy.provider,
      code: errorCode,
      err: error,
    });
    await recordRemovalFailure(database, copy.id, { errorCode, errorMessage, retryAfterMs });
    return 'refused';
  }
};
