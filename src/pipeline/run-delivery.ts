import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { Delivery, FileWithDeliveries, TrackedFile } from '../core/file.ts';
import type { ByteRange, Provider, RemoteFile, UploadSession } from '../core/provider.ts';
import { type AttemptResult, attemptDelivery, inDoubt } from '../delivery/attempt.ts';
import type { EarlySend } from '../delivery/early-send.ts';
import { openVerified } from '../delivery/open-verified.ts';
import { DELIVERY_DEADLINE_MS, retryDelayMs } from '../delivery/retry-delay.ts';
import { ClaimLostError, LEASE_MS, type SendCopy, sendCopy } from '../delivery/send-copy.ts';
import { type Span, traced } from '../platform/tracing.ts';
import { getDelivery } from '../tracking/deliveries.ts';
import {
  claimDelivery,
  readSession,
  recordIntent,
  recordProgress,
  saveSession,
} from '../tracking/delivery-attempts.ts';
import { getFile } from '../tracking/files.ts';
import { type Dependencies, LIST_LAG_MS } from './dependencies.ts';
import { endDelivery } from './end-delivery.ts';
import { deliverJob } from './job-kinds.ts';
import { makeRoom } from './make-room.ts';
import { requireMaster } from './master-copy.ts';
import { shareCopy, shareHeldCopy } from './share-copy.ts';

/**
 * Runs one attempt of a delivery from the queue: claims it, has it sent, records the outcome, and in the same
 * transaction sends the job of the next attempt if there is to be one. Running it twice at once is harmless: one claims.
 */
export const runDelivery = async (
  dependencies: Dependencies,
  provider: Provider,
  deliveryId: string,
  signal: AbortSignal,
): Promise<void> => {
  const { database, guards, installation } = dependencies;
  const giveBack = await guards.slotsOf(provider).take({ waitMs: Number.POSITIVE_INFINITY, signal });
  if (giveBack === null) throw new Error('No slot came free; looking again later.');
  try {
    const delivery = await claimDelivery(database, deliveryId, { by: installation, leaseMs: LEASE_MS });
    if (delivery === null) return await leaveForLater(dependencies, deliveryId);
    const file = await getFile(database, delivery.fileId);
    await carryOut(dependencies, { delivery, file, signal, giveBack });
  } finally {
    giveBack();
  }
};

/** For so long what is put back when we stop is not due, so that none of our own workers takes it up once more. */
export const STOPPING_MS = 1_000;

/** A delivery that is claimed, with its file. */
export interface Claimed {
  readonly delivery: Delivery;
  readonly file: TrackedFile;
  readonly signal: AbortSignal;
  /** Gives back the slot in which the bytes are sent. Idempotent; called as soon as they have gone. */
  readonly giveBack: () => void;
  /** A copy already on its way, of which only the last piece has to go. */
  readonly early?: EarlySend | undefined;
  /** The file's bytes, where they are in memory still. */
  readonly bytes?: readonly Buffer[] | null;
  /** When it was recorded, by `performance.now()`, if that was with the intent to send, and nothing else is known of it to anybody. */
  readonly newSinceMs?: number;
  /** When its last byte was here, by `performance.now()`, where it has only just come. */
  readonly wholeAt?: number;
  /** Whether a copy of the same bytes may be there to serve it. */
  readonly mayShare?: boolean;
}

/**
 * Carries out a claimed attempt to its recorded end. Resolves with the file as it then is, where that is at hand. Rejects
 * only when the end cannot be recorded.
 */
export const carryOut = (
  dependencies: Dependencies,
  claimed: Claimed,
): Promise<FileWithDeliveries | null> => {
  const { provider, attempts } = claimed.delivery;
  return traced(dependencies.tracing, ['deliver', { provider, attempt: attempts }], (span) =>
    carry(dependencies, claimed, span),
  );
};

const carry = async (
  dependencies: Dependencies,
  claimed: Claimed,
  span: Span,
): Promise<FileWithDeliveries | null> => {
  const { delivery, file, signal, early, newSinceMs, mayShare = true, wholeAt } = claimed;
  const { changes, metrics } = dependencies;
  const { provider } = delivery;
  if (newSinceMs === undefined) changes.announce(file.id, file.owner);
  try {
    if (file.deletedAt !== null) await endDelivery(dependencies, delivery, { status: 'failed' });
    else if (!mayShare || !(await shareCopy(dependencies, delivery, file))) {
      const result = await attempt(dependencies, claimed);
      if (wholeAt !== undefined && result.kind === 'copy')
        metrics.deliveries.followed(provider, (performance.now() - wholeAt) / 1_000);
      // A copy is there; when it cannot be recorded, such as under an id that another row has, it has to be found again.
      return await succeed(dependencies, delivery, file, result).catch((error) => {
        throw inDoubt(error);
      });
    }
  } catch (error) {
    span.fail(toGatewayError(error).code);
    await fail(dependencies, delivery, error, signal);
  } finally {
    await early?.cancel();
    changes.announce(file.id, file.owner);
  }
  return null;
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

const attempt = async (dependencies: Dependencies, claimed: Claimed): Promise<AttemptResult> => {
  const { delivery, file, signal, giveBack, early, newSinceMs } = claimed;
  const { database, changes, guards } = dependencies;
  const provider = usableProvider(dependencies, delivery);
  const recordProgressHere = async (bytesSent: number): Promise<boolean> => {
    const isOurs = await recordProgress(database, delivery, { bytesSent, leaseMs: LEASE_MS });
    changes.announce(file.id, file.owner);
    return isOurs;
  };
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
      makeRoom: async () => {
        // Before anything is removed for its sake.
        requireMaster(file);
        await makeRoom(dependencies, provider, file, signal);
      },
      // A process that stood still since may have lost it.
      recordIntent: async () => isFresh(newSinceMs) || recordIntent(database, delivery),
      recordProgress: recordProgressHere,
      send: () => {
        const sending =
          early?.finish({ recordProgress: recordProgressHere, saveSession: save }) ??
          sendMaster(dependencies, claimed, { provider, recordProgress: recordProgressHere, save });
        return sending.finally(giveBack);
      },
    }),
  );
};

const isFresh = (sinceMs = Number.NEGATIVE_INFINITY): boolean => performance.now() - sinceMs < LEASE_MS / 2;

const sendMaster = async (
  { database, blobs }: Dependencies,
  { delivery, file, signal, bytes = null }: Claimed,
  {
    provider,
    recordProgress: record,
    save,
  }: Pick<SendCopy, 'provider' | 'recordProgress'> & Pick<UploadSession, 'save'>,
): Promise<RemoteFile> =>
  sendCopy({
    provider,
    file,
    delivery,
    signal,
    open:
      bytes === null
        ? openVerified({ ...file, read: (range) => blobs.read(file.blobKey, range) })
        : (range) => cut(bytes, range),
    session: { state: delivery.attempts > 1 ? await readSession(database, delivery.id) : null, save },
    recordProgress: record,
  });

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
): Promise<FileWithDeliveries | null> => {
  if (result.kind === 'look_again') {
    const { listLagMs = LIST_LAG_MS } = dependencies;
    const outcome = { status: 'pending', doubt: 'look_again', dueInMs: listLagMs } as const;
    await endDelivery(dependencies, delivery, outcome);
    return null;
  }
  const { remote, found } = result;
  const { metrics } = dependencies;
  metrics.deliveries.tried(delivery.provider, 'done');
  const isRecognised = dependencies.providers.get(delivery.provider)?.capabilities.recognisesBytes === true;
  if (isRecognised && (await shareHeldCopy(dependencies, delivery, file, remote.id))) return null;
  const { id, fileId, provider, attempts } = delivery;
  const completed = await dependencies.commits.complete({
    id,
    fileId,
    attempts,
    status: remote.state === 'processing' ? 'processing' : 'completed',
    remoteId: remote.id,
    bytesSent: file.sizeBytes,
    expiresAt: remote.expiresAt,
  });
  if (completed !== null && remote.state !== 'processing')
    metrics.deliveries.completed(provider, { ...delivery, ...file });
  dependencies.log.info({ event: 'delivery_completed', file: fileId, provider, attempts, found });
  return completed;
};

const fail = async (
  dependencies: Dependencies,
  delivery: Delivery,
  error: unknown,
  signal: AbortSignal,
): Promise<void> => {
  if (error instanceof ClaimLostError) return;
  if (signal.aborted) {
    // We are shutting down: back in line, with a job of its own that none of our workers takes any more.
    await endDelivery(dependencies, delivery, { status: 'pending', dueInMs: STOPPING_MS });
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
  const { deliveries } = dependencies.metrics;
  deliveries.tried(provider, outcome === 'unknown' ? 'unknown' : isFinal ? 'rejected' : 'retry');
  if (isFinal) {
    const end = { status: 'failed', ...doubt, errorCode, errorMessage } as const;
    if (await endDelivery(dependencies, delivery, end)) deliveries.failed(provider, errorCode);
    return;
  }
  deliveries.willRetry(provider, errorCode);
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

/** Bytes in memory, all of them or those of a range. */
async function* cut(bytes: readonly Buffer[], range?: ByteRange): AsyncGenerator<Buffer> {
  if (range === undefined) yield* bytes;
  else yield Buffer.concat(bytes).subarray(range.start, range.end);
}
