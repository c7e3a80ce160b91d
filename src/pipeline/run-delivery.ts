import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { Delivery, TrackedFile } from '../core/file.ts';
import type { Provider } from '../core/provider.ts';
import { type AttemptResult, attemptDelivery, inDoubt } from '../delivery/attempt.ts';
import { openVerified } from '../delivery/open-verified.ts';
import { DELIVERY_DEADLINE_MS, retryDelayMs } from '../delivery/retry-delay.ts';
import { ClaimLostError, LEASE_MS } from '../delivery/send-copy.ts';
import {
  claimDelivery,
  getDelivery,
  readSession,
  recordIntent,
  recordProgress,
  saveSession,
} from '../tracking/deliveries.ts';
import { getFile } from '../tracking/files.ts';
import { type Dependencies, LIST_LAG_MS } from './dependencies.ts';
import { endDelivery } from './end-delivery.ts';
import { deliverJob } from './job-kinds.ts';
import { makeRoom } from './make-room.ts';
import { shareCopy, shareHeldCopy } from './share-copy.ts';

/**
 * Runs one attempt of a delivery: claims it, has it sent, records the outcome, and in the same transaction
 * sends the job of the next attempt if there is to be one. Running it twice at once is harmless: one claims.
 */
export const runDelivery = async (
  dependencies: Dependencies,
  deliveryId: string,
  signal: AbortSignal,
): Promise<void> => {
  const { database, installation, changes } = dependencies;
  const delivery = await claimDelivery(database, deliveryId, { by: installation, leaseMs: LEASE_MS });
  if (delivery === null) return await leaveForLater(dependencies, deliveryId);
  const file = await getFile(database, delivery.fileId);
  changes.announce(file.id);
  try {
    if (file.deletedAt !== null) return await endDelivery(dependencies, delivery, { status: 'failed' });
    if (await shareCopy(dependencies, delivery, file)) return;
    const result = await attempt(dependencies, { delivery, file, signal });
    // A copy is there; when it cannot be recorded, such as under an id that another row has, it has to be found again.
    await succeed(dependencies, delivery, file, result).catch((error) => {
      throw inDoubt(error);
    });
  } catch (error) {
    await fail(dependencies, delivery, error, signal);
  } finally {
    changes.announce(file.id);
  }
};

/**
 * It is not to be sent now. If another run has it and dies with its lease still running, this job must come back for it;
 * if it is not due yet, a job that is has to be there.
 */
const leaveForLater = async ({ database, jobs }: Dependencies, deliveryId: string): Promise<void> => {
  const { status, dueAt, provider } = await getDelivery(database, deliveryId);
  if (status === 'uploading') throw new Error('Another sender holds this delivery; looking again later.');
  if (status !== 'pending' || dueAt === null) return;
  const delayMs = Math.max(1, dueAt.getTime() - Date.now());
  await jobs.send(database, deliverJob(provider), { deliveryId }, { delayMs });
};

const attempt = async (
  dependencies: Dependencies,
  { delivery, file, signal }: { delivery: Delivery; file: TrackedFile; signal: AbortSignal },
): Promise<AttemptResult> => {
  const { database, changes, blobs, guards } = dependencies;
  const provider = usableProvider(dependencies, delivery);
  const state = await readSession(database, delivery.id);
  const save = async (next: unknown): Promise<void> => {
    if (!(await saveSession(database, delivery, next)))
      throw new ClaimLostError('Another sender has taken this delivery over.');
  };
  return guards.of(provider).run(() =>
    attemptDelivery({
      provider,
      file,
      delivery,
      signal,
      open: openVerified({ ...file, read: (range) => blobs.read(file.blobKey, range) }),
      session: { state, save },
      makeRoom: () => makeRoom(dependencies, provider, file, signal),
      recordIntent: () => recordIntent(database, delivery),
      recordProgress: async (bytesSent) => {
        const isOurs = await recordProgress(database, delivery, { bytesSent, leaseMs: LEASE_MS });
        changes.announce(file.id);
        return isOurs;
      },
    }),
  );
};

const usableProvider = ({ providers }: Dependencies, { provider: id, account }: Delivery): Provider => {
  const provider = providers.get(id);
  if (provider?.account === account) return provider;
  const message = `${id} is not configured with the account that this delivery was made for.`;
  throw new GatewayError('unknown_provider', message);
};

const succeed = async (
  dependencies: Dependencies,
  delivery: Delivery,
  file: TrackedFile,
  result: AttemptResult,
): Promise<void> => {
  if (result.kind === 'look_again') {
    const { listLagMs = LIST_LAG_MS } = dependencies;
    return await endDelivery(dependencies, delivery, {
      status: 'pending',
      doubt: 'look_again',
      dueInMs: listLagMs,
    });
  }
  const { remote, found } = result;
  const isRecognised = dependencies.providers.get(delivery.provider)?.capabilities.recognisesBytes === true;
  if (isRecognised && (await shareHeldCopy(dependencies, delivery, file, remote.id))) return;
  await endDelivery(dependencies, delivery, {
    status: remote.state === 'processing' ? 'processing' : 'completed',
    doubt: 'none',
    remoteId: remote.id,
    bytesSent: file.sizeBytes,
    expiresAt: remote.expiresAt,
  });
  const { fileId, provider, attempts } = delivery;
  dependencies.log.info({ event: 'delivery_completed', file: fileId, provider, attempts, found });
};

const fail = async (
  dependencies: Dependencies,
  delivery: Delivery,
  error: unknown,
  signal: AbortSignal,
): Promise<void> => {
  if (error instanceof ClaimLostError) return;
  if (signal.aborted) {
    // We are shutting down: back in line, with a job of its own that is due at once after the start.
    await endDelivery(dependencies, delivery, { status: 'pending' });
    return;
  }
  const failure = toGatewayError(error);
  const { code: errorCode, message: errorMessage, outcome } = failure;
  const { attempts, provider, fileId: file } = delivery;
  const isOver = Date.now() - delivery.wantedAt.getTime() > DELIVERY_DEADLINE_MS;
  const tries = attempts - delivery.looks;
  const isFinal =
    (failure.retry === 'never' && outcome === 'not_done') ||
    (failure.retry === 'once' && tries > 1) ||
    isOver;
  dependencies.log.warn({
    event: 'delivery_failed',
    file,
    provider,
    attempts,
    final: isFinal,
    outcome,
    code: errorCode,
    err: error,
  });
  // What was in doubt when the attempt began and failed before sending is in doubt still.
  const doubt =
    outcome === 'unknown'
      ? ({ doubt: 'look' } as const)
      : delivery.doubt === 'none'
        ? ({ doubt: 'none' } as const)
        : {};
  if (isFinal)
    return await endDelivery(dependencies, delivery, { status: 'failed', ...doubt, errorCode, errorMessage });
  const dueInMs = retryDelayMs(
    { attempts: tries, retryAfterMs: failure.retryAfterMs, random: Math.random() },
    dependencies.retry,
  );
  await endDelivery(dependencies, delivery, {
    status: 'pending',
    ...doubt,
    errorCode,
    errorMessage,
    dueInMs,
  });
};
