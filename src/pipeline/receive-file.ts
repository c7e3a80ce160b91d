import { randomUUID } from 'node:crypto';
import { GatewayError } from '../core/errors.ts';
import { type FileWithDeliveries, fileStatus, newFileId, type TrackedFile } from '../core/file.ts';
import type { Incoming, UploadOptions } from '../core/incoming.ts';
import { type Acceptance, route } from '../delivery/route.ts';
import { transact } from '../platform/database.ts';
import { insertDeliveries, type NewDelivery } from '../tracking/deliveries.ts';
import { findFile, insertFile, trackedBlobs } from '../tracking/files.ts';
import { claimIdempotencyKey } from '../tracking/idempotency-keys.ts';
import type { Dependencies } from './dependencies.ts';
import { deliverJob } from './job-kinds.ts';
import { type Staged, stage } from './stage.ts';

/**
 * Takes a file in. Resolves once it is safe: bytes and name synced, rows and jobs committed; the deliveries then
 * go on by themselves. Rejects with a `GatewayError` and keeps nothing when the body is broken, empty or too
 * large, or when no provider asked for accepts it. A repeated request is answered with the file of the first.
 */
export const receiveFile = async (
  dependencies: Dependencies,
  owner: string,
  incoming: Incoming,
): Promise<FileWithDeliveries> => {
  const { blobs, maxFileBytes, log } = dependencies;
  if (incoming.sizeBytes !== null) await refuseBeforehand(dependencies, incoming, incoming.sizeBytes);
  const staged = await stage(blobs, incoming, maxFileBytes);
  try {
    const options = incoming.finalOptions();
    const routed = await routeOrRefuse(
      dependencies,
      { ...incoming, ...options, sizeBytes: staged.sizeBytes },
      options,
    );
    const received = await record(dependencies, { owner, incoming, options, staged, routed });
    await blobs.keep(staged.blobKey);
    const { id } = received.file;
    log.info({
      event: 'file_received',
      file: id,
      owner,
      bytes: staged.sizeBytes,
      media_type: incoming.mediaType,
    });
    return received;
  } catch (error) {
    await discard(dependencies, staged.blobKey);
    if (error instanceof RepeatedRequestError)
      return await repeat(dependencies, owner, error.fileId, { ...incoming, ...staged });
    throw error;
  }
};

const refuseBeforehand = async (
  dependencies: Dependencies,
  incoming: Incoming,
  sizeBytes: number,
): Promise<void> => {
  if (sizeBytes === 0)
    throw new GatewayError('empty_file', 'The file is empty; send one with at least one byte.', {
      param: 'file',
    });
  const { maxFileBytes } = dependencies;
  if (sizeBytes > maxFileBytes) {
    throw new GatewayError(
      'file_too_large',
      `The file has ${sizeBytes} bytes; at most ${maxFileBytes} are accepted.`,
      { param: 'file' },
    );
  }
  await routeOrRefuse(dependencies, { ...incoming, ...incoming.options, sizeBytes }, incoming.options);
};

const routeOrRefuse = async (
  { providers, autoGlmAboveBytes, guards, room }: Dependencies,
  file: Parameters<typeof route>[0],
  { destination }: UploadOptions,
): Promise<readonly Acceptance[]> => {
  const full = destination.kind === 'auto' ? await room.full(file.sizeBytes) : [];
  const avoid = new Map([...full, ...guards.inTrouble(providers.values())]);
  const routed = route(file, destination, { providers, autoGlmAboveBytes, avoid });
  if (routed.length > 0 && routed.every(({ accepted }) => !accepted)) {
    const reasons = routed.map(({ reason }) => reason).join(' ');
    throw new GatewayError(
      'no_provider_accepts',
      `No provider accepts this file. ${reasons} Use provider=none to keep it without delivering it.`,
      {
        param: 'provider',
      },
    );
  }
  return routed;
};

interface Received {
  readonly owner: string;
  readonly incoming: Incoming;
  readonly options: UploadOptions;
  readonly staged: Staged;
  readonly routed: readonly Acceptance[];
}

/** The file, its deliveries and their jobs, in one transaction. */
const record = (
  { database, jobs }: Dependencies,
  { owner, incoming, options, staged, routed }: Received,
): Promise<FileWithDeliveries> => {
  const id = newFileId();
  const planned = routed.map((acceptance) => planDelivery(id, options.purpose, acceptance));
  return transact(database, async (trx) => {
    const file = await insertFile(trx, {
      id,
      owner,
      filename: incoming.filename,
      mediaType: incoming.mediaType,
      purpose: options.purpose,
      expiresAt: options.expiresAfterMs === null ? null : new Date(Date.now() + options.expiresAfterMs),
      status: fileStatus(planned),
      ...staged,
    });
    if (incoming.idempotencyKey !== null) {
      const winner = await claimIdempotencyKey(trx, { owner, key: incoming.idempotencyKey, fileId: id });
      if (winner !== id) throw new RepeatedRequestError(winner);
    }
    const deliveries = await insertDeliveries(trx, planned);
    for (const { id: deliveryId, status, provider } of deliveries) {
      if (status === 'pending') await jobs.send(trx, deliverJob(provider), { deliveryId });
    }
    return { file, deliveries };
  });
};

/** Undoes the transaction of a request whose key an earlier one has. */
class RepeatedRequestError extends Error {
  override readonly name = 'RepeatedRequestError';
  readonly fileId: string;

  constructor(fileId: string) {
    super(`This request was made before, for ${fileId}.`);
    this.fileId = fileId;
  }
}

const repeat = async (
  { database }: Dependencies,
  owner: string,
  fileId: string,
  again: Pick<TrackedFile, 'sha256' | 'filename'>,
): Promise<FileWithDeliveries> => {
  const first = await findFile(database, owner, fileId);
  if (first?.file.sha256 === again.sha256 && first.file.filename === again.filename) return first;
  const what = first === null ? 'a file that has been deleted since' : 'another file in the last 24 hours';
  const message = `The Idempotency-Key was used for ${what}; use a new key for each file.`;
  throw new GatewayError('idempotency_conflict', message, { param: 'Idempotency-Key' });
};

const planDelivery = (fileId: string, filePurpose: string, acceptance: Acceptance): NewDelivery => {
  const { provider, reason } = acceptance;
  const common = { id: randomUUID(), fileId, provider: provider.id, account: provider.account, reason };
  return acceptance.accepted
    ? { ...common, purpose: acceptance.purpose, status: 'pending', errorCode: null, errorMessage: null }
    : {
        ...common,
        purpose: filePurpose,
        status: 'failed',
        errorCode: 'no_provider_accepts',
        errorMessage: reason,
      };
};

/**
 * Removes a staged blob that no record names. When the record cannot be read, a commit whose answer was lost may
 * name it: then it stays, and the sweep at the next start decides.
 */
const discard = async ({ blobs, database, log }: Dependencies, blobKey: string): Promise<void> => {
  try {
    const tracked = await trackedBlobs(database, [blobKey]);
    if (!tracked.has(blobKey)) await blobs.remove(blobKey);
  } catch (error) {
    log.warn({ event: 'blob_left_for_sweep', blob: blobKey, err: error });
  }
};
