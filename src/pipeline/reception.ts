import { randomBytes } from 'node:crypto';
import type { BlobWriter } from '../core/blob-store.ts';
import { GatewayError } from '../core/errors.ts';
import { type FileWithDeliveries, newFileId } from '../core/file.ts';
import type { ReceivedVia, UploadOptions } from '../core/incoming.ts';
import { readAt } from '../ingest/content/source.ts';
import { trackedBlobs } from '../tracking/files.ts';
import { chooseRoute } from './choose-route.ts';
import { type CutThrough, startCutThrough } from './cut-through.ts';
import { deliverAll } from './deliver-directly.ts';
import type { Dependencies } from './dependencies.ts';
import { meterReception } from './meter-reception.ts';
import type { Reservation } from './quotas.ts';
import { type RecordFile, recordFile } from './record-file.ts';
import { stagedContent } from './staged-content.ts';

/** What is known of a file before its bytes. */
export interface Announced {
  readonly owner: string;
  /** Clean (see `core/filename.ts`). */
  readonly filename: string;
  readonly mediaType: string;
  /** The options as far as they are known; the last word is given to `commit`. */
  readonly options: UploadOptions;
  readonly sizeBytes: number | null;
  /** What the size will be unless the body turns out otherwise, where it is not announced. */
  readonly likelySizeBytes?: number | null | undefined;
}

export interface ReceptionOptions extends Announced {
  readonly via: ReceivedVia;
  /** That of an upload on record, whose room is reserved with it. Made here when not given. */
  readonly place?: Place | undefined;
}

/** Where a file comes to rest. */
export interface Place {
  readonly fileId: string;
  readonly blobKey: string;
}

/**
 * A file coming in, whatever the protocol and in however many requests. Bytes count as received once `flush` or
 * `commit` has resolved. Whoever began it ends it with `commit`, `abort` or `suspend`.
 */
export interface Reception extends Place {
  /** What has been written, what is gathered in memory included. */
  readonly receivedBytes: number;
  /** Appends. Awaiting it is the back-pressure. Rejects with `file_too_large`, `quota_exceeded`, or what the content is refused for. */
  write(chunk: Buffer): Promise<void>;
  /** The writer of the blob, for a protocol that verifies parts of the body. */
  readonly writer: Pick<BlobWriter, 'flush' | 'startProbation' | 'accept' | 'takeBack'>;
  /**
   * Ends the file: resolves once it is safe, bytes and name synced, rows and jobs committed. On rejection, unless the last
   * word says otherwise, nothing is kept: `incomplete_body`, `empty_file`, `no_provider_accepts`, what the content is refused
   * for, or a fault of scanner, disk or database.
   */
  commit(last: LastWord): Promise<Received>;
  /** Gives the file up; nothing remains. Idempotent; does nothing after `commit`. */
  abort(): Promise<void>;
  /** Leaves the bytes to be gone on with, under the same place. Idempotent; does nothing after `commit`. */
  suspend(): Promise<void>;
}

/** A file that is safe. */
export interface Received extends FileWithDeliveries {
  /**
   * Resolves when this process has done what it could to deliver the file: with the file once all its deliveries have
   * ended, or null when there is more to wait for, or the record has to be asked. Never rejects.
   */
  readonly delivered: Promise<FileWithDeliveries | null>;
}

/** What is known only once all bytes are there. */
interface LastWord extends Pick<RecordFile, 'options' | 'beforehand' | 'alongside'> {
  /** After which failures the bytes stay, to be gone on with under the same place. Default: after none. */
  readonly keepsAfter?: (error: unknown) => Promise<boolean>;
}

const HELD_BYTES = 64 * 2 ** 10;
/** A client that drips must not have a buffer kept for each of its bytes. */
const HELD_PIECES = 64;

/** A place for a file that is to come. */
export const newPlace = (): Place => ({ fileId: newFileId(), blobKey: randomBytes(16).toString('hex') });

/** Begins a file. Rejects before any byte with what can be refused by what was announced. */
export const beginReception = async (
  dependencies: Dependencies,
  options: ReceptionOptions,
): Promise<Reception> => {
  await refuseBeforehand(dependencies, options);
  const place = options.place ?? newPlace();
  const { blobs, quotas } = dependencies;
  const { owner, sizeBytes, likelySizeBytes } = options;
  const id = place.fileId;
  const room =
    options.place === undefined
      ? await quotas.reserve({ id, owner, sizeBytes: sizeBytes ?? likelySizeBytes ?? 0 })
      : quotas.ofUpload({ id, owner, sizeBytes: sizeBytes ?? 0 });
  try {
    const reception = await receive(
      dependencies,
      { ...options, place, room },
      await blobs.create(place.blobKey),
    );
    return meterReception(dependencies, options.via, reception);
  } catch (error) {
    await room.release();
    throw error;
  }
};

/** Goes on with a file whose blob was opened for that: one that was suspended, or whose process died, or a copy of it. */
export const resumeReception = async (
  dependencies: Dependencies,
  options: ReceptionOptions & { readonly place: Place },
  writer: BlobWriter,
): Promise<Reception> => {
  const { owner, place } = options;
  const room = dependencies.quotas.ofUpload({ id: place.fileId, owner, sizeBytes: options.sizeBytes ?? 0 });
  const reception = await receive(dependencies, { ...options, room }, writer);
  return meterReception(dependencies, options.via, reception);
};

/** Rejects with what is wrong with a file by what is known before its bytes. */
export const refuseBeforehand = async (
  dependencies: Dependencies,
  { sizeBytes, ...announced }: Announced,
): Promise<void> => {
  if (sizeBytes === null) return;
  if (sizeBytes === 0) throw emptyFile();
  const { maxFileBytes } = dependencies;
  if (sizeBytes > maxFileBytes) throw tooLarge(maxFileBytes, sizeBytes);
  await chooseRoute(dependencies, { ...announced, ...announced.options, sizeBytes });
};

const receive = async (
  dependencies: Dependencies,
  options: ReceptionOptions & { readonly place: Place; readonly room: Reservation },
  writer: BlobWriter,
): Promise<Reception> => {
  const { blobs, content, maxFileBytes, receptions, log } = dependencies;
  const { owner, filename, mediaType, place, room } = options;
  const { fileId, blobKey } = place;
  const progress = receptions.begin({ fileId, owner, filename, sizeBytes: options.sizeBytes });
  const check = content.check({ filename, mediaType });
  const readHead = (end: number): Promise<Buffer> => readAt(stagedContent(blobs, blobKey, end), 0, end);
  /** All bytes, of a file so small that reading it again to deliver it would cost more than to keep it. Null: it is not. */
  let held: Buffer[] | null = writer.sizeBytes === 0 ? [] : null;
  /** Begun with the first bytes, so that an upload that is only announced costs its providers nothing. */
  let cutThrough: Promise<CutThrough> | null = null;
  const beginCutThrough = (): Promise<CutThrough> =>
    startCutThrough(dependencies, {
      ...options,
      mediaType: check.mediaType,
      onProgress: ({ id }, sentBytes) => progress.sent(id, sentBytes),
    });

  const record = async (last: LastWord): Promise<Received> => {
    const wholeAt = performance.now();
    checkSize(writer.sizeBytes, options.sizeBytes);
    const committed = await writer.commit();
    progress.hashed(committed.sizeBytes);
    const found = await check.finish(stagedContent(blobs, blobKey, committed.sizeBytes, held));
    const described = { filename, mediaType: found, ...last.options, sizeBytes: committed.sizeBytes };
    const routed = await chooseRoute(dependencies, described);
    const early = (await (await cutThrough)?.matching(routed, committed.sizeBytes)) ?? [];
    try {
      const facts = { owner, filename, mediaType: found, fileId, blobKey };
      const received = await recordFile(dependencies, { ...last, ...committed, ...facts, routed, early });
      return { ...received, delivered: deliverAll(dependencies, received, { early, bytes: held, wholeAt }) };
    } catch (error) {
      await Promise.all(early.map(({ send }) => send.cancel()));
      for (const { giveBack } of early) giveBack();
      throw error;
    }
  };

  const end = async (outcome: 'recorded' | 'suspended' | 'aborted'): Promise<void> => {
    progress.end(outcome);
    await (await cutThrough)?.cancel();
    if (outcome !== 'aborted') room.forget();
    // What a fault keeps from being given back now lapses.
    else
      await room
        .release()
        .catch((error) => log.warn({ event: 'room_not_released', file: fileId, err: error }));
  };

  return {
    fileId,
    blobKey,
    writer,
    get receivedBytes() {
      return writer.sizeBytes;
    },
    write: async (chunk) => {
      if (writer.sizeBytes + chunk.length > maxFileBytes) throw tooLarge(maxFileBytes);
      if (writer.sizeBytes + chunk.length > room.coveredBytes)
        await room.cover(writer.sizeBytes + chunk.length);
      await check.take(chunk, writer.sizeBytes, readHead);
      // Nothing leaves for a provider before it is known what it is.
      if (check.mayLeave) cutThrough ??= beginCutThrough();
      if (writer.sizeBytes + chunk.length > HELD_BYTES || held?.length === HELD_PIECES) held = null;
      // A piece was taken back: what is held is not what is there.
      if (held !== null && bytesIn(held) !== writer.sizeBytes) held = null;
      held?.push(chunk);
      await writer.write(chunk);
      progress.received(writer.sizeBytes);
    },
    commit: async (last) => {
      try {
        const received = await record(last);
        await end('recorded');
        await blobs.keep(blobKey);
        const { sizeBytes: bytes, mediaType: type } = received.file;
        log.info({ event: 'file_received', file: fileId, owner, bytes, media_type: type });
        return received;
      } catch (error) {
        const isKept = (await last.keepsAfter?.(error)) === true;
        await end(isKept ? 'suspended' : 'aborted');
        if (isKept) await writer.suspend().catch(() => undefined);
        else await writer.abort().then(() => discard(dependencies, blobKey));
        throw error;
      }
    },
    abort: async () => {
      await end('aborted');
      await writer.abort();
    },
    suspend: async () => {
      await end('suspended');
      await writer.suspend();
    },
  };
};

/**
 * Removes a staged blob that no record names. When the record cannot be read, a commit whose answer was lost may
 * name it: then it stays, and the sweep at the next start decides.
 */
export const discard = async ({ blobs, database, log }: Dependencies, blobKey: string): Promise<void> => {
  try {
    const tracked = await trackedBlobs(database, [blobKey]);
    if (!tracked.has(blobKey)) await blobs.remove(blobKey);
  } catch (error) {
    log.warn({ event: 'blob_left_for_sweep', blob: blobKey, err: error });
  }
};

const bytesIn = (pieces: readonly Buffer[]): number => pieces.reduce((sum, { length }) => sum + length, 0);

const tooLarge = (maxFileBytes: number, sizeBytes?: number): GatewayError => {
  const has = sizeBytes === undefined ? `more than the ${maxFileBytes}` : `${sizeBytes}`;
  const message = `The file has ${has} bytes; at most ${maxFileBytes} are accepted.`;
  return new GatewayError('file_too_large', message, { param: 'file' });
};

const emptyFile = (): GatewayError =>
  new GatewayError('empty_file', 'The file is empty; send one with at least one byte.', { param: 'file' });

const checkSize = (receivedBytes: number, announcedBytes: number | null): void => {
  if (announcedBytes !== null && receivedBytes !== announcedBytes) {
    throw new GatewayError(
      'incomplete_body',
      `The body ended after ${receivedBytes} of ${announcedBytes} bytes; send the file again.`,
    );
  }
  if (receivedBytes === 0) throw emptyFile();
};
