import { BlobMissingError, type BlobStore, type BlobWriter } from '../core/blob-store.ts';
import type { S3Bucket, S3Part, S3Upload } from './s3-bucket.ts';
import { UploadGoneError } from './s3-faults.ts';
import { abortUploads, objectName, tailName } from './s3-objects.ts';
import { readObject } from './s3-read.ts';
import { decodeTail, type S3Tail } from './s3-tail.ts';

/** A blob that is open for writing on the local disk, and what the bucket has of it. */
export interface Staged {
  readonly writer: BlobWriter;
  /** Null when the bucket has nothing of it. */
  readonly durableBytes: number | null;
  readonly begun?: { readonly upload: S3Upload; readonly parts: readonly S3Part[] } | undefined;
  readonly storedBytes?: number;
}

interface Resumption {
  readonly key: string;
  readonly local: BlobStore;
  readonly bucket: S3Bucket;
  readonly writerId: string;
}

/**
 * Opens a blob to go on with: from the local copy where this installation was the last to write it, else from what the
 * bucket has. Rejects with `BlobMissingError` when there is nothing.
 */
export const openStaged = async (resumption: Resumption): Promise<Staged> => {
  const { key, local, bucket, writerId } = resumption;
  const writer = await orNull(local.resume(key));
  try {
    const tail = await readTail(bucket, key);
    const objectBytes = await bucket.sizeOf(objectName(key));
    const isCurrent =
      tail === null
        ? objectBytes === null || objectBytes === writer?.sizeBytes
        : tail.writerId === writerId && (writer?.sizeBytes ?? -1) >= sizeOf(tail);
    if (writer !== null && isCurrent) return await goOn(resumption, { writer, tail, objectBytes });
    // What is here has been overtaken elsewhere.
    await writer?.abort();
    await local.remove(key);
    return await takeOver(resumption, tail, objectBytes);
  } catch (error) {
    await writer?.suspend().catch(() => undefined);
    throw error;
  }
};

const goOn = async (
  { key, bucket }: Resumption,
  found: { readonly writer: BlobWriter; readonly tail: S3Tail | null; readonly objectBytes: number | null },
): Promise<Staged> => {
  const { writer, tail } = found;
  const upload = tail?.upload ?? null;
  const begun =
    tail !== null && upload !== null && (await bucket.hasUpload(upload))
      ? { upload, parts: tail.parts }
      : undefined;
  await abortUploads(bucket, key, begun?.upload.uploadId ?? null);
  const objectBytes = found.objectBytes ?? 0;
  const storedBytes = Math.min(objectBytes, tail?.startBytes ?? objectBytes);
  return { writer, begun, storedBytes, durableBytes: tail === null ? found.objectBytes : sizeOf(tail) };
};

/**
 * Fetches the blob from the bucket, where another instance left it. The parts of an upload cannot be read, an object can:
 * so the upload is completed as it is, and the new one copies from that within the bucket. Until the blob is saved anew
 * the tail that was found stays, so that whoever dies here is taken over likewise.
 */
const takeOver = async (
  { key, local, bucket }: Resumption,
  tail: S3Tail | null,
  foundBytes: number | null,
): Promise<Staged> => {
  const name = objectName(key);
  if (tail === null && foundBytes === null)
    throw new BlobMissingError('There is no blob to go on with under this key.');
  if (tail !== null && tail.upload !== null) await bucket.complete(tail.upload, tail.parts).catch(ignoreGone);
  const objectBytes =
    (tail?.upload ?? null) === null ? (foundBytes ?? 0) : ((await bucket.sizeOf(name)) ?? 0);
  const storedBytes = tail?.startBytes ?? objectBytes;
  if (objectBytes < storedBytes) throw new BlobMissingError('Parts of this blob are gone from the bucket.');
  await abortUploads(bucket, key, null);
  const writer = await local.create(key);
  try {
    for await (const piece of readObject(bucket, name, { end: storedBytes })) await writer.write(piece);
    await writer.write(tail?.bytes ?? Buffer.alloc(0));
    await writer.flush();
    return { writer, storedBytes, durableBytes: writer.sizeBytes };
  } catch (error) {
    await writer.abort();
    throw error;
  }
};

const readTail = async (bucket: S3Bucket, key: string): Promise<S3Tail | null> => {
  const pieces: Buffer[] = [];
  const read = async (): Promise<S3Tail> => {
    for await (const piece of readObject(bucket, tailName(key), {})) pieces.push(piece);
    return decodeTail(Buffer.concat(pieces));
  };
  return await orNull(read());
};

const sizeOf = ({ startBytes, bytes }: S3Tail): number => startBytes + bytes.length;

const orNull = async <Found>(found: Promise<Found>): Promise<Found | null> => {
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
