import { GatewayError } from '../core/errors.ts';
import { type Delivery, hasEnded } from '../core/file.ts';
import type { Provider, ProviderId } from '../core/provider.ts';
import { transact } from '../platform/database.ts';
import { giveUpCopy, recordUse, restartDelivery } from '../tracking/deliveries.ts';
import { findFile, lockFile } from '../tracking/files.ts';
import type { Dependencies } from './dependencies.ts';
import { deliverJob } from './job-kinds.ts';
import { settleFile } from './settle-file.ts';
import { watchFile } from './watch-file.ts';

export interface CopyRequest {
  readonly owner: string;
  readonly fileId: string;
  readonly from: ProviderId;
  readonly signal?: AbortSignal | undefined;
}

export interface UsableCopy {
  readonly provider: Provider;
  readonly copy: Delivery;
  readonly remoteId: string;
}

/** How long a use waits for a copy that has to be delivered again first. */
const REDELIVERY_WAIT_MS = 60_000;

/**
 * The file's copy at a provider, ready to be used: one that was evicted, or that the provider has let expire, is delivered
 * again from the master copy first. Rejects with `content_unavailable` when the file was never delivered there, and with
 * `provider_unavailable` when the new copy takes too long; it goes on by itself.
 */
export const usableCopy = async (dependencies: Dependencies, request: CopyRequest): Promise<UsableCopy> => {
  const { database, providers } = dependencies;
  const { from, fileId } = request;
  const copy = await findCopy(dependencies, request);
  const provider = providers.get(from);
  if (copy === null || provider?.account !== copy.account) {
    const message = `${from} does not hold this file; deliver it with POST /v1/files/${fileId}/deliveries.`;
    throw new GatewayError('content_unavailable', message, { param: 'from' });
  }
  const { remoteId } = isLive(copy) ? copy : await deliverAgain(dependencies, request, copy);
  if (remoteId === null) {
    const message = `The copy at ${from} is being delivered again; try in a moment.`;
    throw new GatewayError('provider_unavailable', message, { retryAfterMs: 5_000 });
  }
  await recordUse(database, copy.id);
  return { provider, copy, remoteId };
};

/** Delivers a copy again that is evicted, expired, or was found to be gone. Answers with it when it has ended or the wait is over. */
export const deliverAgain = async (
  dependencies: Dependencies,
  { owner, fileId, from, signal }: CopyRequest,
  copy: Delivery,
): Promise<Delivery> => {
  const { database, jobs } = dependencies;
  await transact(database, async (trx) => {
    await lockFile(trx, fileId);
    if (copy.status === 'completed') await giveUpCopy(trx, copy);
    const restarted = await restartDelivery(
      trx,
      copy.id,
      `Delivered again: the copy at ${copy.provider} was gone.`,
    );
    if (restarted === null) return;
    await jobs.send(trx, deliverJob(copy.provider), { deliveryId: copy.id });
    await settleFile(trx, fileId);
  });
  const again = await watchFile(dependencies, fileId, { waitMs: REDELIVERY_WAIT_MS, signal }, async () => {
    const value = await findCopy(dependencies, { owner, fileId, from });
    return { value, isDone: value === null || hasEnded(value.status) };
  });
  return again !== null && isLive(again) ? again : { ...copy, remoteId: null };
};

/** The newest delivery to the provider that has, or had, a copy. */
const findCopy = async (
  { database }: Dependencies,
  { owner, fileId, from }: CopyRequest,
): Promise<Delivery | null> => {
  const found = await findFile(database, owner, fileId);
  if (found === null) throw new GatewayError('not_found', `There is no file ${fileId}.`, { param: 'id' });
  const there = found.deliveries.filter(
    ({ provider, status }) => provider === from && status !== 'failed' && status !== 'deleting',
  );
  return there.findLast(({ status }) => status === 'completed') ?? there.at(-1) ?? null;
};

const isLive = ({ status, expiresAt, remoteId }: Delivery): boolean =>
  status === 'completed' && remoteId !== null && (expiresAt === null || expiresAt.getTime() > Date.now());
