import { BlobMissingError, type BlobStore, type BlobWriter } from '../core/blob-store.ts';
import type { S3Bucket, S3Part, S3Upload } from './s3-bucket.ts';
import { UploadGoneError } from './s3-faults.ts';
import { abortUploads, clearObjects, objectName, tailName, tailsOf } from './s3-objects.ts';
import type { StoredStart } from './s3-part-uploads.ts';
import { readObject } from './s3-read.ts';
import { decodeTail, type S3Tail } from './s3-tail.ts';

/** A blob that is open for writing on the local disk, and what the bucket has of it under its key. */
export interface Staged {
  readonly writer: BlobWriter;
  /** At which sizes it can be gone on with from the bucket. */
  readonly tails: readonly number[];
  /** The size that its last tail has, if that is as the bucket should have it; null when it has to be saved anew. */
  readonly durableBytes: number | null;
  readonly begun?: { readonly upload: S3Upload; readonly parts: readonly S3Part[] } | undefined;
  readonly stored?: StoredStart | undefined;
}

interface Resumption {
  readonly key: string;
  readonly local: BlobStore;
  readonly bucket: S3Bucket;
  readonly writerId: string;
}

/**
 * Opens a blob to go on with under its key: from the local copy where this installation was the last to write it, else
 * from what the bucket has. Rejects with `BlobMissingError` when there is nothing.
 */
export const openStaged = async (resumption: Resumption): Promise<Staged> => {
  const { key, local, bucket, writerId } = resumption;
  const writer = await orNull(local.resume(key));
  try {
    const tails = await tailsOf(bucket, key);
    const [lastBytes] = tails;
    const tail = lastBytes === undefined ? null : await readTail(bucket, tailName(key, lastBytes));
    const objectBytes = await bucket.sizeOf(objectName(key));
    const isCurrent =
      tail === null
        ? objectBytes === null || objectBytes === writer?.sizeBytes
        : tail.writerId === writerId && (writer?.sizeBytes ?? -1) >= sizeOf(tail);
    if (writer !== null && isCurrent)
      return { ...(await goOn(resumption, { writer, tail, objectBytes })), tails };
    // What is here has been lost, or overtaken elsewhere.
    await writer?.abort();
    await local.remove(key);
    const fetched = await fetchFrom(resumption, { key, tail, objectBytes });
    await abortUploads(bucket, key, null);
    // Until the blob is saved anew the tail that was found stays, so that whoever dies here is taken over likewise.
    return { ...fetched, tails, durableBytes: fetched.writer.sizeBytes };
  } catch (error) {
    await writer?.suspend().catch(() => undefined);
    throw error;
  }
};

/**
 * Opens a blob that begins with what another has at a size, which whoever wrote that may still be changing: they add to it
 * and complete it, which keeps what it begins with. Rejects with `BlobMissingError` when it is not there.
 */
export const openTakenOver = async (
  resumption: Resumption,
  from: { readonly key: string; readonly sizeBytes: number },
): Promise<Staged> => {
  const { bucket, local, key } = resumption;
  // What an attempt left that was cut short.
  await Promise.all([local.remove(key), clearObjects(bucket, key)]);
  const tail = await readTail(bucket, tailName(from.key, from.sizeBytes));
  const fetched = await fetchFrom(resumption, { key: from.key, tail, objectBytes: null });
  return { ...fetched, tails: [], durableBytes: null };
};

type Found = Pick<Staged, 'writer'> & { readonly tail: S3Tail | null; readonly objectBytes: number | null };

const goOn = async (
  { key, bucket }: Resumption,
  { writer, tail, objectBytes }: Found,
): Promise<Omit<Staged, 'tails'>> => {
  const upload = tail?.upload ?? null;
  const begun =
    tail !== null && upload !== null && (await bucket.hasUpload(upload))
      ? { upload, parts: tail.parts }
      : undefined;
  await abortUploads(bucket, key, begun?.upload.uploadId ?? null);
  const storedBytes = Math.min(objectBytes ?? 0, tail?.startBytes ?? objectBytes ?? 0);
  const stored = objectBytes === null ? undefined : { name: objectName(key), sizeBytes: storedBytes };
  return { writer, begun, stored, durableBytes: tail === null ? null : sizeOf(tail) };
};

/**
 * Fetches a blob from the bucket. The parts of an upload cannot be read, an object can: so the upload is completed as it
 * is, and the new one copies from that within the bucket.
 */
const fetchFrom = async (
  { key, local, bucket }: Resumption,
  from: Pick<Found, 'tail' | 'objectBytes'> & { readonly key: string },
): Promise<Pick<Staged, 'writer' | 'stored'>> => {
  const { tail } = from;
  const name = objectName(from.key);
  if (tail === null && from.objectBytes === null)
    throw new BlobMissingError('There is no blob to go on with under this key.');
  if (tail !== null && tail.upload !== null) await bucket.complete(tail.upload, tail.parts).catch(ignoreGone);
  const objectBytes =
    (tail?.upload ?? null) === null ? (from.objectBytes ?? 0) : ((await bucket.sizeOf(name)) ?? 0);
  const storedBytes = tail?.startBytes ?? objectBytes;
  if (objectBytes < storedBytes) throw new BlobMissingError('Parts of this blob are gone from the bucket.');
  const writer = await local.create(key);
  try {
    for await (const piece of readObject(bucket, name, { end: storedBytes })) await writer.write(piece);
    await writer.write(tail?.bytes ?? Buffer.alloc(0));
    await writer.flush();
    return { writer, stored: storedBytes === 0 ? undefined : { name, sizeBytes: storedBytes } };
  } catch (error) {
    await writer.abort();
    throw error;
  }
};

const readTail = async (bucket: S3Bucket, name: string): Promise<S3Tail | null> => {
  const pieces: Buffer[] = [];
  const read = async (): Promise<S3Tail> => {
    for await (const piece of readObject(bucket, name, {})) pieces.push(piece);
    return decodeTail(Buffer.concat(pieces));
  };
  return await orNull(read());
};

const sizeOf = ({ startBytes, bytes }: S3Tail): number => startBytes + bytes.length;

const orNull = async <Result>(found: Promise<Result>): Promise<Result | null> => {
  try {
    return await found;
  } catch (error) {
    if (error instanceof BlobMissingError) return null;
    throw error;
  }
};

const ignoreGone = (error: unknown): void => {
  if (!(error instanceof UploadGoneError)) throw error;
};
