import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { Delivery, TrackedFile } from '../core/file.ts';
import type { Provider, RemoteFile } from '../core/provider.ts';
import { DELIVERY_DEADLINE_MS, retryDelayMs } from '../delivery/retry-delay.ts';
import { ClaimLostError, LEASE_MS, sendCopy } from '../delivery/send-copy.ts';
import {
  claimDelivery,
  type DeliveryOutcome,
  endAttempt,
  getDelivery,
  markDeliveryDeleted,
  markDeliveryDeleting,
  recordProgress,
} from '../tracking/deliveries.ts';
import { getFile, lockFile } from '../tracking/files.ts';
import type { Dependencies } from './dependencies.ts';
import { deliverJob, retireJob } from './job-kinds.ts';
import { settleFile } from './settle-file.ts';

/**
 * Runs one attempt of a delivery: claims it, sends the bytes, records the outcome, and in the same transaction
 * sends the job of the next attempt if there is to be one. Running it twice at once is harmless: one claims.
 */
export const runDelivery = async (
  dependencies: Dependencies,
  deliveryId: string,
  signal: AbortSignal,
): Promise<void> => {
  const { database, installation, changes } = dependencies;
  const delivery = await claimDelivery(database, deliveryId, { by: installation, leaseMs: LEASE_MS });
  if (delivery === null) return await leaveToSender(dependencies, deliveryId);
  const file = await getFile(database, delivery.fileId);
  changes.announce(file.id);
  try {
    const provider = usableProvider(dependencies, delivery);
    if (file.deletedAt !== null) return await end(dependencies, delivery, { status: 'failed' });
    const remote = await sendCopy({
      ...dependencies,
      provider,
      file,
      delivery,
      signal,
      recordProgress: async (bytesSent) => {
        const isOurs = await recordProgress(database, delivery, { bytesSent, leaseMs: LEASE_MS });
        changes.announce(file.id);
        return isOurs;
      },
    });
    await end(dependencies, delivery, completed(remote, file));
  } catch (error) {
    await fail(dependencies, delivery, error, signal);
  } finally {
    changes.announce(file.id);
  }
};

/** Another run has it. If that one died with its lease still running, this job must come back for it. */
const leaveToSender = async ({ database }: Dependencies, deliveryId: string): Promise<void> => {
  const { status } = await getDelivery(database, deliveryId);
  if (status === 'uploading') throw new Error('Another sender holds this delivery; looking again later.');
};

const usableProvider = ({ providers }: Dependencies, { provider: id, account }: Delivery): Provider => {
  const provider = providers.get(id);
  if (provider?.account === account) return provider;
  const message = `${id} is not configured with the account that this delivery was made for.`;
  throw new GatewayError('unknown_provider', message);
};

const completed = (remote: RemoteFile, file: TrackedFile): DeliveryOutcome => ({
  status: 'completed',
  remoteId: remote.id,
  bytesSent: file.sizeBytes,
  expiresAt: remote.expiresAt,
});

const fail = async (
  dependencies: Dependencies,
  delivery: Delivery,
  error: unknown,
  signal: AbortSignal,
): Promise<void> => {
  if (error instanceof ClaimLostError) return;
  if (signal.aborted) {
    // We are shutting down: back in line, with a job of its own that is due at once after the start.
    await end(dependencies, delivery, { status: 'pending' }, 0);
    return;
  }
  const failure = toGatewayError(error);
  const { code: errorCode, message: errorMessage } = failure;
  const { attempts, provider, fileId: file } = delivery;
  const isFinal =
    failure.retry === 'never' || Date.now() - delivery.createdAt.getTime() > DELIVERY_DEADLINE_MS;
  dependencies.log.warn({
    event: 'delivery_failed',
    file,
    provider,
    attempts,
    final: isFinal,
    code: errorCode,
    err: error,
  });
  if (isFinal) return await end(dependencies, delivery, { status: 'failed', errorCode, errorMessage });
  const wait = retryDelayMs(
    { attempts, retryAfterMs: failure.retryAfterMs, random: Math.random() },
    dependencies.retry,
  );
  await end(dependencies, delivery, { status: 'pending', errorCode, errorMessage }, wait);
};

/** Records how the attempt ended and what follows from it: the next attempt, or the removal when the file went meanwhile. */
const end = async (
  { database, jobs, log }: Dependencies,
  delivery: Delivery,
  outcome: DeliveryOutcome,
  retryInMs?: number,
): Promise<void> => {
  await database.transaction().execute(async (trx) => {
    const file = await lockFile(trx, delivery.fileId);
    const ended = await endAttempt(trx, delivery, outcome);
    if (ended === null) return;
    if (file.deletedAt !== null) {
      await markDeliveryDeleting(trx, ended.id);
      if (ended.remoteId === null) await markDeliveryDeleted(trx, ended.id);
      return await jobs.send(trx, retireJob, { fileId: file.id });
    }
    if (retryInMs !== undefined)
      await jobs.send(trx, deliverJob(ended.provider), { deliveryId: ended.id }, { delayMs: retryInMs });
    await settleFile(trx, file.id);
  });
  if (outcome.status === 'completed') {
    log.info({
      event: 'delivery_completed',
      file: delivery.fileId,
      provider: delivery.provider,
      attempts: delivery.attempts,
    });
  }
};
