import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bulkhead } from 'cockatiel';
import {
  BlobAbortedError,
  BlobMissingError,
  type BlobRange,
  type BlobStore,
  type BlobWriter,
} from '../core/blob-store.ts';
import { systemCode } from '../core/errors.ts';
import { checkedKey } from './blob-key.ts';
import { openDiskBlobStore } from './disk-blob-store.ts';
import type { BlobEnd } from './disk-blob-writer.ts';
import { S3BlobWriter } from './s3-blob-writer.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { copyObject } from './s3-copy.ts';
import { createLocalCopies } from './s3-local-copies.ts';
import { clearObjects, objectName, removeTails, tailsOf } from './s3-objects.ts';
import { startPartUploads } from './s3-part-uploads.ts';
import { readObject } from './s3-read.ts';
import { openStaged, openTakenOver, type Staged } from './s3-resume.ts';

export interface S3BlobStoreOptions {
  /** Closed with the store. */
  readonly bucket: S3Bucket;
  /** Where bytes are staged on their way to the bucket. The caller makes sure that one process uses it. */
  readonly directory: string;
  /** The largest blob there can be, in bytes; decides how large the parts are. */
  readonly maxBlobBytes: number;
  /** Default: by `maxBlobBytes`. */
  readonly partBytes?: number;
}

/** A blob that is being written here. */
interface Growing {
  readonly outcome: PromiseWithResolvers<void>;
  /** Null while it is being opened. */
  writer: S3BlobWriter | null;
}

const MIB = 2 ** 20;
/** S3's limits for multipart uploads. */
const LEAST_PART_BYTES = 5 * MIB;
const MOST_PARTS = 10_000;
/** So many parts of all blobs are in memory at once. */
const PARTS_IN_MEMORY = 4;

/** Whole MiB, the same for all parts of a blob, as some servers want it. */
const partBytesFor = (maxBlobBytes: number): number =>
  Math.max(LEAST_PART_BYTES, Math.ceil(maxBlobBytes / MOST_PARTS / MIB) * MIB);

/**
 * Blobs as objects of a bucket. Bytes are staged on the local disk by the disk store and follow into the bucket while
 * they still arrive; a blob is committed when its object is complete there. What this process has staged and no record
 * names yet is known by its local copy, so a start need not look through the bucket.
 */
export const openS3BlobStore = async (options: S3BlobStoreOptions): Promise<BlobStore> => {
  const { bucket, directory, maxBlobBytes, partBytes = partBytesFor(maxBlobBytes) } = options;
  // Copies for reading do not outlive their process: which are whole, only it knows.
  await rm(join(directory, 'kept'), { recursive: true, force: true });
  const local = await openDiskBlobStore(directory);
  const writerId = await writerIdOf(directory);
  const memory = bulkhead(PARTS_IN_MEMORY, Number.POSITIVE_INFINITY);
  const growing = new Map<string, Growing>();
  const suspended = new Set<string>();
  const copies = createLocalCopies(local);
  /** Blobs that are committed and not yet kept, of which the bucket may have tails. */
  const tailed = new Set<string>();

  const isWritten = (key: string): boolean => growing.has(key) || suspended.has(key);

  const refuseUsed = async (key: string): Promise<void> => {
    const [objectBytes, tails] = await Promise.all([bucket.sizeOf(objectName(key)), tailsOf(bucket, key)]);
    if (objectBytes !== null || tails.length > 0) throw new Error(`Blob ${key} has been written already.`);
  };

  /** Claims the key while the writer is being made, so that of two at the same time one is refused. */
  const begin = async (key: string, stage: () => Promise<Staged>): Promise<BlobWriter> => {
    if (growing.has(checkedKey(key))) throw new Error(`Blob ${key} is being written.`);
    const outcome = Promise.withResolvers<void>();
    outcome.promise.catch(() => undefined);
    const mine: Growing = { outcome, writer: null };
    growing.set(key, mine);
    try {
      const staged = await stage();
      suspended.delete(key);
      mine.writer = grow(key, staged, outcome);
      return mine.writer;
    } catch (error) {
      growing.delete(key);
      outcome.reject(new BlobAbortedError('The writer of this blob gave up.'));
      throw error;
    }
  };

  const grow = (
    key: string,
    { writer, tails, durableBytes, begun, stored }: Staged,
    outcome: PromiseWithResolvers<void>,
  ): S3BlobWriter => {
    const readLocal = (range: BlobRange): AsyncIterable<Buffer> => local.read(key, range);
    const upload = { bucket, name: objectName(key), partBytes, memory, begun, stored, read: readLocal };
    const s3Writer = new S3BlobWriter({
      local: writer,
      readLocal,
      removeLocal: () => local.remove(key),
      bucket,
      parts: startPartUploads(upload),
      key,
      writerId,
      tails,
      durableBytes,
      onEnd: (end: BlobEnd, sizeBytes) => {
        growing.delete(key);
        if (end === 'suspended') suspended.add(key);
        if (end === 'committed') copies.add(key, sizeBytes);
        if (end === 'committed' && s3Writer.mayHaveTails) tailed.add(key);
        if (end === 'committed') outcome.resolve();
        else outcome.reject(new BlobAbortedError('The writer of this blob gave up.'));
      },
    });
    return s3Writer;
  };

  const store: BlobStore = {
    create: (key) =>
      begin(key, async () => {
        if (suspended.has(key)) throw new Error(`Blob ${key} has been written already.`);
        const writer = await local.create(key);
        try {
          await refuseUsed(key);
          return { writer, tails: [], durableBytes: null };
        } catch (error) {
          await writer.abort();
          throw error;
        }
      }),
    resume: (key) => begin(key, () => openStaged({ key, local, bucket, writerId })),
    read: async function* (key, range = {}) {
      checkedKey(key);
      if (suspended.has(key)) throw new BlobAbortedError(`Blob ${key} is suspended.`);
      const outcome = growing.get(key)?.outcome.promise;
      let offset = range.start ?? 0;
      const end = range.end ?? Number.POSITIVE_INFINITY;
      try {
        if (outcome !== undefined || copies.has(key)) {
          for await (const piece of local.read(key, range)) {
            offset += piece.length;
            yield piece;
          }
          // The last byte is staged, which does not yet make a blob of it.
          if (offset < end) await unlessAborted(outcome, range.signal);
          return;
        }
      } catch (error) {
        if (outcome !== undefined || !(error instanceof BlobMissingError)) throw error;
      }
      yield* readObject(bucket, objectName(key), { ...range, start: offset });
    },
    copy: async (key, newKey) => {
      checkedKey(newKey);
      if (isWritten(checkedKey(key))) throw new Error(`Blob ${key} is not complete.`);
      await refuseUsed(newKey);
      const sizeBytes = await bucket.sizeOf(objectName(key));
      if (sizeBytes === null) throw new BlobMissingError(`There is no blob ${key}.`);
      // An empty local blob says that the copy is ours to sweep, until a record names it.
      await (await local.create(newKey)).commit();
      try {
        await copyObject(bucket, { from: objectName(key), to: objectName(newKey), sizeBytes });
      } catch (error) {
        await store.remove(newKey);
        throw error;
      }
    },
    keep: async (key) => {
      if (tailed.has(checkedKey(key))) await removeTails(bucket, key);
      tailed.delete(key);
      await copies.keep(key);
    },
    remove: async (key) => {
      await clearObjects(bucket, checkedKey(key));
      suspended.delete(key);
      tailed.delete(key);
      await copies.remove(key);
    },
    sweep: async (fatesOf, options) => {
      let removed = 0;
      await local.sweep(async (keys) => {
        // Staged to the end, a blob may still be on its way.
        const resting = keys.filter((key) => !growing.has(key));
        const fates = await fatesOf(resting);
        for (const key of resting.filter((one) => !fates.has(one))) {
          await clearObjects(bucket, key);
          suspended.delete(key);
          removed += 1;
        }
        // Of one that was recorded a moment before the end.
        for (const key of resting) if (fates.get(key) === 'kept') await removeTails(bucket, key);
        const staying = keys.filter((key) => growing.has(key) || fates.get(key) === 'growing');
        const named = new Map(staying.map((key) => [key, 'growing'] as const));
        // Of what is kept, the object is the copy that counts.
        for (const key of keys) if (!named.has(key)) copies.forget(key);
        return named;
      }, options);
      return removed;
    },
    shared: {
      takeOver: async (key, from) => {
        checkedKey(from.key);
        const writer = await begin(key, () => openTakenOver({ key, local, bucket, writerId }, from));
        try {
          await writer.flush();
          return writer;
        } catch (error) {
          await writer.abort();
          throw error;
        }
      },
      trim: async (key, sizeBytes) => await growing.get(key)?.writer?.trim(sizeBytes),
    },
    close: async () => {
      await local.close();
      bucket.close();
    },
  };
  return store;
};

/** A name by which an installation knows again what it wrote itself. */
const writerIdOf = async (directory: string): Promise<string> => {
  const path = join(directory, 'writer-id');
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    const id = randomUUID();
    await writeFile(path, id, { mode: 0o600, flush: true });
    return id;
  }
};

const unlessAborted = async (
  outcome: Promise<void> | undefined,
  signal: AbortSignal | undefined,
): Promise<void> => {
  if (signal === undefined) return await outcome;
  signal.throwIfAborted();
  const left = Promise.withResolvers<never>();
  const leave = (): void => left.reject(signal.reason);
  signal.addEventListener('abort', leave, { once: true });
  try {
    await Promise.race([outcome, left.promise]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
};
