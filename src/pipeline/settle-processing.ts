import { GatewayError } from '../core/errors.ts';
import type { Delivery } from '../core/file.ts';
import type { Provider, RemoteFile } from '../core/provider.ts';
import { DELIVERY_DEADLINE_MS } from '../delivery/retry-delay.ts';
import { transact } from '../platform/database.ts';
import { endProcessing, getDelivery } from '../tracking/deliveries.ts';
import { lockFile } from '../tracking/files.ts';
import type { Dependencies } from './dependencies.ts';
import { settleJob } from './job-kinds.ts';
import { settleFile } from './settle-file.ts';

const POLL_MS = 5_000;

/** Asks the provider whether it has finished with a copy, and records the answer or comes back later. */
export const settleProcessing = async (
  dependencies: Dependencies,
  deliveryId: string,
  signal: AbortSignal,
): Promise<void> => {
  const { database, providers, changes } = dependencies;
  const delivery = await getDelivery(database, deliveryId);
  const provider = providers.get(delivery.provider);
  if (
    delivery.status !== 'processing' ||
    delivery.remoteId === null ||
    provider?.account !== delivery.account
  )
    return;
  const state = await currentState(provider, delivery.remoteId, signal);
  await record(dependencies, delivery, state);
  changes.announce(delivery.fileId);
};

const currentState = async (
  provider: Provider,
  remoteId: string,
  signal: AbortSignal,
): Promise<Pick<RemoteFile, 'state' | 'detail'>> => {
  try {
    return await provider.retrieve(remoteId, { signal });
  } catch (error) {
    const isGone = error instanceof GatewayError && error.code === 'not_found';
    if (isGone) return { state: 'failed', detail: `${provider.id} no longer has the file.` };
    throw error;
  }
};

const record = async (
  { database, jobs, metrics }: Dependencies,
  delivery: Delivery,
  { state, detail }: Pick<RemoteFile, 'state' | 'detail'>,
): Promise<void> => {
  const isOver = Date.now() - delivery.wantedAt.getTime() > DELIVERY_DEADLINE_MS;
  const ended = await transact(database, async (trx) => {
    const file = await lockFile(trx, delivery.fileId);
    if (state === 'processing' && !isOver) {
      await jobs.send(trx, settleJob, { deliveryId: delivery.id }, { delayMs: POLL_MS });
      return null;
    }
    const failure = detail ?? `${delivery.provider} did not finish processing the file.`;
    const hasEnded = await endProcessing(trx, delivery.id, state === 'ready' ? null : failure);
    await settleFile(trx, file.id);
    return hasEnded ? file : null;
  });
  if (ended === null) return;
  if (state === 'ready') metrics.deliveries.completed(delivery.provider, { ...delivery, ...ended });
  else metrics.deliveries.failed(delivery.provider, 'provider_rejected');
};
