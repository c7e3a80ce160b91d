import { GatewayError } from '../core/errors.ts';
import type { FileWithDeliveries } from '../core/file.ts';
import type { UploadOptions } from '../core/incoming.ts';
import type { TrackedUpload } from '../core/upload.ts';
import { type Queryable, transact } from '../platform/database.ts';
import { traced } from '../platform/tracing.ts';
import { findFile } from '../tracking/files.ts';
import {
  countUploads,
  deleteExpiredUpload,
  deleteUpload,
  expiredUploads,
  findUpload,
  insertUpload,
} from '../tracking/uploads.ts';
import { type Append, appendUpload, completeIfWhole, confirm, type UploadState } from './append-upload.ts';
import type { Dependencies } from './dependencies.ts';
import { meterRefusal } from './meter-reception.ts';
import { createOpenUploads, type OpenUploads } from './open-uploads.ts';
import { newPlace, refuseBeforehand } from './reception.ts';
import { deleteFile } from './retire-file.ts';
import { createTurns, type Turns } from './turns.ts';
import {
  createUploadHolds,
  type Hold,
  noUpload,
  UPLOAD_TTL_MS,
  type UploadHolds,
  WAIT_MS,
} from './upload-holds.ts';

/**
 * Files that come in over several requests. Each request has the upload to itself: a later one makes an earlier one end,
 * since its client has lost the connection and come back. Another owner's upload is `not_found`.
 */
export interface Uploads {
  /** Records an upload. Rejects with what is wrong with what is announced, `quota_exceeded`, or `rate_limited`. */
  create(upload: CreateUpload): Promise<TrackedUpload>;
  /** How far it has come; a file, once it has all its bytes. */
  find(key: UploadKey): Promise<UploadState>;
  /** Resolves once what came is durable, or all of it a file. See `appendUpload`. */
  append(key: UploadKey, append: Append): Promise<UploadState>;
  /** Gives the upload up, or deletes the file that it has become. */
  remove(key: UploadKey): Promise<void>;
  /** Gives up those that nobody has gone on with for long, at most a thousand. Answers how many. */
  expire(): Promise<number>;
  /** Waits for what runs and lets go of everything; what has come stays. To be called once nobody calls any more. */
  close(): Promise<void>;
}

export interface UploadKey {
  readonly owner: string;
  readonly id: string;
}

interface CreateUpload {
  readonly owner: string;
  /** Clean (see `core/filename.ts`). */
  readonly filename: string;
  readonly mediaType: string;
  readonly options: UploadOptions;
  /** Null: told later. */
  readonly lengthBytes: number | null;
  /** As the client sent it. */
  readonly metadata: string | null;
}

const EXPIRE_EVERY_MS = 30_000;
const EXPIRE_BATCH = 1_000;
/** Far more than any client keeps open at once; each idle one costs room on the disk and in the record. */
const MAX_UPLOADS_PER_OWNER = 256;
const SURPLUS_RETRY_AFTER_MS = 60_000;

interface Parts {
  readonly dependencies: Dependencies;
  readonly turns: Turns;
  readonly holds: UploadHolds;
  readonly open: OpenUploads;
}

/** The caller ends it with `close`. */
export const createUploads = (dependencies: Dependencies): Uploads => {
  const { database, quotas, stopping, tracing, log } = dependencies;
  const turns = createTurns({ waitMs: WAIT_MS });
  const parts: Parts = {
    dependencies,
    turns,
    holds: createUploadHolds(dependencies),
    open: createOpenUploads(dependencies, turns),
  };
  const expiring = setInterval(() => {
    expire(parts).catch((error: unknown) => log.warn({ event: 'uploads_not_expired', err: error }));
  }, EXPIRE_EVERY_MS).unref();
  stopping.addEventListener('abort', () => turns.tellAll(stopped()), { once: true });

  return {
    create: async ({ owner, lengthBytes, ...announced }) => {
      await meterRefusal(dependencies.metrics.receptions, 'tus', () =>
        refuseBeforehand(dependencies, { ...announced, owner, sizeBytes: lengthBytes }),
      );
      const { fileId: id, blobKey } = newPlace();
      const facts = { ...announced, id, owner, lengthBytes, blobKey, ttlMs: UPLOAD_TTL_MS };
      const upload = await transact(database, async (trx) => {
        // Locks the owner's quota, so that uploads which are begun at the same time count each other.
        await quotas.reserveForUpload(trx, { id, owner, sizeBytes: lengthBytes ?? 0 });
        await refuseSurplus(trx, owner);
        return insertUpload(trx, facts);
      });
      log.info({ event: 'upload_created', upload: id, owner, bytes: lengthBytes });
      return upload;
    },
    find: async (key) =>
      (await findElsewhere(parts, key)) ??
      (await withUpload(parts, key, look(parts))) ??
      (await findFinished(parts, key)),
    append: async (key, append) =>
      (await withUpload(parts, key, (hold, told) =>
        traced(tracing, ['receive', { via: 'tus' }], () =>
          appendUpload(dependencies, parts.open, { hold, append, told }),
        ),
      )) ?? (await appendToFinished(parts, key, append)),
    remove: async (key) => {
      const removed = await withUpload(parts, key, async ({ upload }) => {
        await giveUp(parts, upload);
        log.info({ event: 'upload_given_up', upload: upload.id, owner: upload.owner });
        return true;
      });
      if (removed === null) await deleteFile(dependencies, key.owner, key.id);
    },
    expire: () => expire(parts),
    close: async () => {
      clearInterval(expiring);
      turns.tellAll(stopped());
      await turns.idle();
      await parts.open.closeAll();
    },
  };
};

/** Null when the owner has no such upload: none, another owner's, or one that is a file by now. */
const withUpload = async <Result>(
  parts: Parts,
  { owner, id }: UploadKey,
  use: (hold: Hold, told: AbortSignal) => Promise<Result>,
): Promise<Result | null> => {
  const { dependencies, turns, holds, open } = parts;
  const { database } = dependencies;
  let turn = turns.takeFree(id);
  if (turn === null) {
    // Only its owner makes another request end.
    if ((await findUpload(database, owner, id)) === null) return null;
    turn = await turns.take(id);
  }
  try {
    const hold = await holds.take({ owner, id }, turn);
    if (hold === null) return null;
    try {
      await refuseExpired(parts, hold.upload);
      return await use(hold, turn.told);
    } catch (error) {
      throw await hold.explain(error);
    } finally {
      if (hold.isLost()) open.letGo(hold.upload);
      await hold.end();
    }
  } finally {
    turn.giveBack();
  }
};

const refuseExpired = async (parts: Parts, upload: TrackedUpload): Promise<void> => {
  if (upload.expiresAt.getTime() > Date.now()) return;
  await giveUp(parts, upload);
  const message = `The upload ${upload.id} has expired; begin a new one.`;
  throw new GatewayError('upload_expired', message, { param: 'id' });
};

/** The row first: a blob that no record names is collected at the next start. */
const giveUp = async ({ dependencies, open }: Parts, upload: TrackedUpload): Promise<void> => {
  if (!(await deleteUpload(dependencies.database, upload))) throw noUpload(upload.id);
  await open.discard(upload);
};

/** Of an upload that rests at another instance, the record knows how far it is: it need not be fetched to tell. */
const findElsewhere = async ({ holds }: Parts, key: UploadKey): Promise<UploadState | null> => {
  const found = await holds.findElsewhere(key);
  return found === null ? null : { upload: found.upload, offsetBytes: found.savedBytes };
};

/** Also makes a file of an upload that had all its bytes when a crash or a fault kept it from becoming one. */
const look =
  ({ dependencies, open }: Parts) =>
  async (hold: Hold): Promise<UploadState> => {
    const { upload } = hold;
    const reception = await open.open(upload);
    try {
      const file = await completeIfWhole(dependencies, open, { upload, reception });
      if (file !== null) return { file };
      await confirm(dependencies, { hold, reception }, { hasCome: false });
      return { upload, offsetBytes: reception.receivedBytes };
    } finally {
      open.rest(upload.id);
    }
  };

const findFinished = async (
  { dependencies }: Parts,
  { owner, id }: UploadKey,
): Promise<{ file: FileWithDeliveries }> => {
  const file = await findFile(dependencies.database, owner, id);
  if (file === null) throw noUpload(id);
  return { file };
};

/** Harmless when nothing is appended to its end, as after a lost answer. */
const appendToFinished = async (
  parts: Parts,
  key: UploadKey,
  { offsetBytes, body }: Append,
): Promise<UploadState> => {
  const finished = await findFinished(parts, key);
  const { sizeBytes } = finished.file.file;
  if (offsetBytes !== sizeBytes) {
    throw new GatewayError('offset_conflict', `The upload is complete with ${sizeBytes} bytes.`, {
      param: 'Upload-Offset',
    });
  }
  for await (const chunk of body) {
    if (chunk.length === 0) continue;
    const message = `The upload is complete with ${sizeBytes} bytes; nothing was appended.`;
    throw new GatewayError('file_too_large', message, { param: 'Upload-Length', fileId: key.id });
  }
  return finished;
};

/** Gives up what nobody has gone on with for long. */
const expire = async ({ dependencies, turns, open }: Parts): Promise<number> => {
  const { database, log } = dependencies;
  let expired = 0;
  for (const id of await expiredUploads(database, EXPIRE_BATCH)) {
    // Somebody is at it, and will keep it for longer or find it expired.
    const turn = turns.takeFree(id);
    if (turn === null) continue;
    try {
      const upload = await deleteExpiredUpload(database, id);
      if (upload === null) continue;
      await open.discard(upload);
      expired += 1;
      log.info({ event: 'upload_expired', upload: id });
    } finally {
      turn.giveBack();
    }
  }
  await open.tidy();
  return expired;
};

const refuseSurplus = async (trx: Queryable, owner: string): Promise<void> => {
  const open = await countUploads(trx, owner);
  if (open < MAX_UPLOADS_PER_OWNER) return;
  const message = `You have ${open} uploads that are not complete, as many as there may be; go on with them or give them up.`;
  throw new GatewayError('rate_limited', message, { retryAfterMs: SURPLUS_RETRY_AFTER_MS });
};

const stopped = (): GatewayError =>
  new GatewayError('unavailable', 'The gateway is stopping; what has arrived is kept. Go on shortly.');
