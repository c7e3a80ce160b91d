import { filesBeingRemoved, releaseClaims, untriedDeliveries } from '../tracking/deliveries.ts';
import { trackedBlobs } from '../tracking/files.ts';
import type { Dependencies } from './dependencies.ts';
import { deliverJob, retireJob } from './job-kinds.ts';

/**
 * Takes up what a crash of this installation cut short: deliveries it was sending or about to send go back in line,
 * removals are begun again, which is harmless where they still run, and blobs that no record names are collected.
 * To be called once at the start, before any work; the lock on the data directory guarantees that nobody else works
 * under this installation's name.
 */
export const recover = async ({ database, jobs, blobs, installation, log }: Dependencies): Promise<void> => {
  const released = await database.transaction().execute(async (trx) => {
    // A job taken from the queue but not begun is nobody's until the queue gives its taker up, a minute and more later.
    const deliveries = [...(await untriedDeliveries(trx)), ...(await releaseClaims(trx, installation))];
    for (const { id, provider } of deliveries) await jobs.send(trx, deliverJob(provider), { deliveryId: id });
    for (const fileId of await filesBeingRemoved(trx)) await jobs.send(trx, retireJob, { fileId });
    return deliveries.length;
  });
  const swept = await blobs.sweep((keys) => trackedBlobs(database, keys));
  if (released > 0 || swept > 0) log.info({ event: 'recovered', deliveries: released, blobs: swept });
};
