import type { BlobStore } from '../core/blob-store.ts';
import type { ContentSource } from '../ingest/content/source.ts';

/** A staged blob as the content check reads it: from memory where all of it was held there, else from the store. */
export const stagedContent = (
  blobs: BlobStore,
  blobKey: string,
  sizeBytes: number,
  held: readonly Buffer[] | null = null,
): ContentSource => ({
  sizeBytes,
  read: (range) => (held === null ? blobs.read(blobKey, range) : inMemory(held, range)),
});

async function* inMemory(
  held: readonly Buffer[],
  { start, end }: { start: number; end: number },
): AsyncGenerator<Buffer> {
  const [only] = held;
  const whole = held.length === 1 && only !== undefined ? only : Buffer.concat(held);
  yield whole.subarray(start, end);
}
