import { type BulkheadPolicy, bulkhead } from 'cockatiel';
import { BlobAbortedError, type BlobRange } from '../core/blob-store.ts';
import type { S3Bucket, S3Part, S3Upload } from './s3-bucket.ts';
import { toStoreError, UploadGoneError } from './s3-faults.ts';
import { collect } from './s3-read.ts';
import type { S3Tail } from './s3-tail.ts';

/** So many parts of one blob are on their way at once. */
const PARTS_AT_ONCE = 1;

export interface PartUploadsOptions {
  readonly bucket: S3Bucket;
  /** Of the object that becomes of the blob. */
  readonly name: string;
  /** Of every part but the last; at least 5 MiB, S3's rule. */
  readonly partBytes: number;
  /** Reads the staged blob, and waits at its growing end. */
  readonly read: (range: BlobRange) => AsyncIterable<Buffer>;
  /** How much of the memory all blobs together may take: each run holds one part. */
  readonly memory: BulkheadPolicy;
  /** The upload to go on with. */
  readonly begun?: { readonly upload: S3Upload; readonly parts: readonly S3Part[] } | undefined;
  /** What begins like the blob and is in the bucket already; parts are copied from it. */
  readonly stored?: StoredStart | undefined;
}

/** The first so many bytes of a blob, as an object. */
export interface StoredStart {
  readonly name: string;
  readonly sizeBytes: number;
}

/** A multipart upload, or one put for a small blob, fed by a reader that follows the blob while it grows. */
export interface PartUploads {
  /** What went wrong with a part; null as long as nothing did. */
  readonly failure: unknown;
  /** Whether there may be an object of this name in the bucket. */
  readonly mayHaveObject: boolean;
  /** Resolves once all whole parts of the first `sizeBytes`, which must be readable, are in the bucket. */
  upTo(sizeBytes: number): Promise<Pick<S3Tail, 'upload' | 'parts' | 'startBytes'>>;
  /** Runs what holds a part's worth of bytes when there is memory for it. */
  withMemory(run: () => Promise<void>): Promise<void>;
  /** Resolves once the object is there, complete and checked. The blob must have ended. */
  finish(sizeBytes: number): Promise<void>;
  /** Follows no further and drops what is on its way; what is in the bucket stays. */
  stop(): Promise<void>;
  /** As `stop`, and takes the parts away. */
  cancel(): Promise<void>;
}

export const startPartUploads = (options: PartUploadsOptions): PartUploads => {
  const { bucket, name, partBytes, memory, begun, stored } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const mine = bulkhead(PARTS_AT_ONCE, Number.POSITIVE_INFINITY);
  const parts: Promise<S3Part>[] = begun?.parts.map((part) => Promise.resolve(part)) ?? [];
  let upload: Promise<S3Upload> | null = begun === undefined ? null : Promise.resolve(begun.upload);
  let failure: unknown = null;
  let mayHaveObject = stored?.name === name;

  const readWhole = (start: number, end: number): Promise<Buffer> =>
    collect(options.read({ start, end, signal }), end - start);

  const sendPart = async (index: number, end: number): Promise<S3Part> => {
    signal.throwIfAborted();
    upload ??= bucket.beginUpload(name);
    const start = index * partBytes;
    if (stored !== undefined && end <= stored.sizeBytes)
      return await bucket.copyPart(await upload, index + 1, { name: stored.name, start, end, signal });
    return await bucket.putPart(await upload, index + 1, await readWhole(start, end), signal);
  };

  const send = (end: number): void => {
    const index = parts.length;
    const sent = mine.execute(() => memory.execute(() => sendPart(index, end)));
    sent.catch((error: unknown) => {
      failure ??= error;
    });
    parts.push(sent);
  };

  const sendWhole = (sizeBytes: number): void => {
    while ((parts.length + 1) * partBytes <= sizeBytes) send((parts.length + 1) * partBytes);
  };

  const isThere = async (offset: number): Promise<boolean> => {
    for await (const _ of options.read({ start: offset, end: offset + 1, signal })) return true;
    return false;
  };

  const follow = async (): Promise<void> => {
    while (failure === null) {
      // A part takes memory only from when all of it is there: a slow client must not hold any.
      const wholeBytes = (parts.length + 1) * partBytes;
      if (!(await isThere(wholeBytes - 1))) return;
      sendWhole(wholeBytes);
    }
  };
  const followed = follow().catch((error: unknown) => {
    if (!signal.aborted && !(error instanceof BlobAbortedError)) failure ??= error;
  });

  const stop = async (): Promise<void> => {
    stopping.abort(new Error('This upload to the bucket was stopped.'));
    await followed;
    await Promise.allSettled(parts);
  };

  const putWhole = (sizeBytes: number): Promise<void> =>
    memory.execute(async () => bucket.put(name, await readWhole(0, sizeBytes), signal));

  const complete = async (sizeBytes: number): Promise<void> => {
    sendWhole(sizeBytes);
    if (parts.length * partBytes < sizeBytes) send(sizeBytes);
    const sent = await Promise.all(parts);
    // Begun by the first part.
    if (upload !== null) await bucket.complete(await upload, sent).catch(ignoreGone);
    // An upload that is gone was completed, its answer lost, or it was not: the object tells.
    if ((await bucket.sizeOf(name)) !== sizeBytes)
      throw toStoreError(new Error('The completed object is not as large as the blob.'));
  };

  return {
    get failure() {
      return failure;
    },
    get mayHaveObject() {
      return mayHaveObject;
    },
    upTo: async (sizeBytes) => {
      sendWhole(sizeBytes);
      const sent = await Promise.all(parts.slice(0, Math.floor(sizeBytes / partBytes)));
      const startBytes = sent.length * partBytes;
      return { upload: sent.length === 0 ? null : await upload, parts: sent, startBytes };
    },
    finish: async (sizeBytes) => {
      mayHaveObject = true;
      await (parts.length === 0 && sizeBytes <= partBytes ? putWhole(sizeBytes) : complete(sizeBytes));
    },
    withMemory: (run) => memory.execute(run),
    stop,
    cancel: async () => {
      await stop();
      const begunUpload = await upload?.catch(() => null);
      if (begunUpload != null) await bucket.abort(begunUpload);
    },
  };
};

const ignoreGone = (error: unknown): void => {
  if (!(error instanceof UploadGoneError)) throw error;
};
