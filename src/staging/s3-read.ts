import { addAbortSignal, type Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { BlobMissingError, type BlobRange } from '../core/blob-store.ts';
import { noteSpentBuffers } from '../platform/spent-buffers.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { toStoreError } from './s3-faults.ts';

/** How often a connection may be lost without a byte having come over it. */
const MOST_LOSSES = 5;
const FIRST_PAUSE_MS = 100;

/** Reads an object as it comes, and goes on where it was when a connection is lost. Rejects with `BlobMissingError`. */
export async function* readObject(
  bucket: Pick<S3Bucket, 'get'>,
  name: string,
  { start = 0, end = Number.POSITIVE_INFINITY, signal }: BlobRange,
): AsyncGenerator<Buffer> {
  let offset = start;
  let last = end;
  for (let losses = 0; offset < last; losses += 1) {
    signal?.throwIfAborted();
    if (losses > 0)
      await pause(FIRST_PAUSE_MS * 2 ** losses, undefined, signal === undefined ? {} : { signal });
    const found = await bucket.get(name, { start: offset, end: last, signal });
    if (found === null) {
      if (offset === start) return;
      throw new BlobMissingError('An object is shorter than it was when its reading began.');
    }
    last = found.end;
    try {
      for await (const piece of stopped(found.bytes, signal)) {
        offset += piece.length;
        losses = 0;
        yield piece;
        noteSpentBuffers(piece.length);
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (losses >= MOST_LOSSES) throw toStoreError(error);
    }
    if (losses >= MOST_LOSSES && offset < last) throw toStoreError(new Error('The answer ended early.'));
  }
}

const stopped = (bytes: Readable, signal: AbortSignal | undefined): AsyncIterable<Buffer> =>
  signal === undefined ? bytes : addAbortSignal(signal, bytes);

/** All bytes of a range whose size is known and small. */
export const collect = async (pieces: AsyncIterable<Buffer>, sizeBytes: number): Promise<Buffer> => {
  const all = Buffer.allocUnsafeSlow(sizeBytes);
  let filled = 0;
  for await (const piece of pieces) filled += piece.copy(all, filled);
  if (filled !== sizeBytes) throw new BlobMissingError('A staged blob is shorter than was written to it.');
  return all;
};
