import type { FileHandle } from 'node:fs/promises';
import { BlobMissingError, type BlobRange } from '../core/blob-store.ts';
import { noteSpentBuffers } from '../platform/spent-buffers.ts';
import type { Growth } from './growth.ts';

/** Large enough that system calls do not count, small enough for many readers at once. */
const READ_BYTES = 2 ** 20;

export interface Followed {
  /** Opens the blob's file. Rejects with `BlobMissingError`. */
  readonly open: () => Promise<FileHandle>;
  /** How far the blob has grown; undefined when nobody is writing it. */
  readonly growthOf: () => Growth | undefined;
}

/** Reads a blob as `BlobStore.read` promises. The file is opened when there is something in it to be read. */
export async function* readFollowing(
  { open, growthOf }: Followed,
  { start = 0, end = Number.POSITIVE_INFINITY, signal }: BlobRange,
): AsyncGenerator<Buffer> {
  signal?.throwIfAborted();
  let growth = growthOf();
  let handle = growth === undefined ? await open() : null;
  // Looked at on both sides, since writing may begin while the file is being opened.
  growth ??= growthOf();
  try {
    let offset = start;
    let available = growth === undefined && handle !== null ? (await handle.stat()).size : 0;
    while (offset < end) {
      if (offset >= available && growth !== undefined) available = await growth.beyond(offset, signal);
      if (offset >= available) return;
      handle ??= await openGrowing(open, growth);
      signal?.throwIfAborted();
      const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, end - offset, available - offset));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
      if (bytesRead === 0)
        throw new BlobMissingError('A blob is shorter on disk than it was when it was opened.');
      offset += bytesRead;
      yield buffer.subarray(0, bytesRead);
      noteSpentBuffers(bytesRead);
    }
  } finally {
    await handle?.close();
  }
}

/** A file that is gone by now may be so because the writer gave up, and then that is what is to be said. */
const openGrowing = async (
  open: () => Promise<FileHandle>,
  growth: Growth | undefined,
): Promise<FileHandle> => {
  try {
    return await open();
  } catch (error) {
    growth?.throwIfFailed();
    throw error;
  }
};
