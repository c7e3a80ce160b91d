import type { Delivery } from '../core/file.ts';
import { providerIds } from '../core/provider.ts';
import { type Queryable, transact } from '../platform/database.ts';
import { pendingDeliveries, releaseClaims } from '../tracking/delivery-attempts.ts';
import { filesBeingRemoved } from '../tracking/delivery-removals.ts';
import { releaseReservationsOf } from '../tracking/quotas.ts';
import type { Dependencies } from './dependencies.ts';
import { deliverJob, retireJob } from './job-kinds.ts';
import { fatesOf } from './sweep-blobs.ts';

/**
 * Takes up what a crash of this installation cut short: deliveries it was sending or about to send go back in line,
 * removals are begun again, which is harmless where they still run, and blobs that no record names are collected, as is
 * the room reserved for files that were coming in.
 * To be called once at the start, before any work; the lock on the data directory guarantees that nobody else works
 * under this installation's name.
 */
export const recover = async (dependencies: Dependencies): Promise<void> => {
  const { database, jobs, blobs, installation, log } = dependencies;
  await transact(database, (trx) => releaseReservationsOf(trx, installation));
  const released = await transact(database, async (trx) => {
    const deliveries = [
      ...(await takenButNotBegun(dependencies, trx)),
      ...(await releaseClaims(trx, installation)),
    ];
    for (const { id, provider } of deliveries) await jobs.send(trx, deliverJob(provider), { deliveryId: id });
    const taken = (await jobs.taken(trx, retireJob)).map(({ fileId }) => fileId);
    for (const fileId of new Set([...taken, ...(await filesBeingRemoved(trx))]))
      await jobs.send(trx, retireJob, { fileId });
    return deliveries.length;
  });
  const swept = await blobs.sweep((keys) => fatesOf(dependencies, keys));
  if (released > 0 || swept > 0) log.info({ event: 'recovered', deliveries: released, blobs: swept });
};

/** A job whose taker has died is nobody's until the queue gives the taker up, a minute and more later. */
const takenButNotBegun = async ({ jobs }: Dependencies, db: Queryable): Promise<readonly Delivery[]> => {
  const taken = [];
  for (const id of providerIds) taken.push(...(await jobs.taken(db, deliverJob(id))));
  return await pendingDeliveries(
    db,
    taken.map(({ deliveryId }) => deliveryId),
  );
};
