import { removeSurplus } from '../delivery/attempt.ts';
import { getDelivery } from '../tracking/deliveries.ts';
import { recordedCopies } from '../tracking/delivery-removals.ts';
import { findEvicted } from '../tracking/evictions.ts';
import type { Dependencies } from './dependencies.ts';
import { holdRemovals } from './hold-removals.ts';
import { removeEvicted } from './make-room.ts';

/**
 * Removes copies that attempts given up left at the provider after all: a request that timed out here can still be
 * carried out there. Only files that bear the delivery's mark are touched, and never one that a record names.
 */
export const tidyDelivery = async (
  { database, providers, log }: Dependencies,
  deliveryId: string,
  signal: AbortSignal,
): Promise<void> => {
  await holdRemovals(database);
  const delivery = await getDelivery(database, deliveryId);
  const provider = providers.get(delivery.provider);
  const isSettled =
    delivery.status === 'failed' ||
    delivery.status === 'deleted' ||
    (delivery.status === 'completed' && delivery.remoteId !== null);
  if (!isSettled || provider?.account !== delivery.account) return;
  const isCurrent = async (): Promise<boolean> => {
    const { status, attempts, remoteId } = await getDelivery(database, deliveryId);
    return status === delivery.status && attempts === delivery.attempts && remoteId === delivery.remoteId;
  };
  const removed = await removeSurplus({
    provider,
    delivery,
    recorded: (ids) => recordedCopies(database, delivery, ids),
    isCurrent,
    signal,
  });
  if (removed > 0)
    log.warn({ event: 'surplus_copies_removed', file: delivery.fileId, provider: provider.id, removed });
};

/** Finishes an eviction that the process which began it did not live to finish. */
export const finishEviction = async (
  dependencies: Dependencies,
  deliveryId: string,
  signal: AbortSignal,
): Promise<void> => {
  const evicted = await findEvicted(dependencies.database, deliveryId);
  if (evicted === null) return;
  await holdRemovals(dependencies.database);
  const provider = dependencies.providers.get(evicted.provider);
  if (provider?.account === evicted.account) await removeEvicted(dependencies, provider, evicted, signal);
};
