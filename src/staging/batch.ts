/** One `writev` per this many bytes: measured 2 to 3 times cheaper than a write per network read. */
const BATCH_BYTES = 2 ** 20;
/** What one `writev` takes at most (`IOV_MAX`). A client that drips bytes must not fill the memory with tiny buffers. */
const BATCH_PIECES = 1_024;

/** Pieces gathered to be written at once. */
export class Batch {
  #pieces: Buffer[] = [];
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get isFull(): boolean {
    return this.#sizeBytes >= BATCH_BYTES || this.#pieces.length >= BATCH_PIECES;
  }

  add(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#sizeBytes += piece.length;
  }

  /** Empties it. */
  take(): Buffer[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#sizeBytes = 0;
    return pieces;
  }
}

/** `writev` may write less than it was given, for example when the disk fills up. */
export const unwritten = (pieces: readonly Buffer[], bytesWritten: number): Buffer[] => {
  let skip = bytesWritten;
  const rest: Buffer[] = [];
  for (const piece of pieces) {
    if (skip >= piece.length) skip -= piece.length;
    else {
      rest.push(skip === 0 ? piece : piece.subarray(skip));
      skip = 0;
    }
  }
  return rest;
};
