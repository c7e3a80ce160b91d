import { type ContentSource, readAt } from './source.ts';

const BLOCK_BYTES = 2 ** 18;
const KEPT = 8;

/**
 * Reads many small ranges of a source, in about their order, by few large ones. Rejects with a `RangeError` for one that
 * is not there.
 */
export const createBlocks = (source: ContentSource): ((start: number, end: number) => Promise<Buffer>) => {
  const blocks = new Map<number, Buffer>();
  const blockAt = async (start: number): Promise<Buffer> => {
    const block = blocks.get(start) ?? (await readAt(source, start, start + BLOCK_BYTES));
    blocks.delete(start);
    blocks.set(start, block);
    for (const oldest of blocks.keys()) {
      if (blocks.size <= KEPT) break;
      blocks.delete(oldest);
    }
    return block;
  };
  return async (start, end) => {
    if (start < 0 || end > source.sizeBytes || end < start) {
      throw new RangeError(`There are no bytes ${start} to ${end} in ${source.sizeBytes}.`);
    }
    const pieces: Buffer[] = [];
    for (let at = start; at < end; ) {
      const blockStart = at - (at % BLOCK_BYTES);
      const block = await blockAt(blockStart);
      const piece = block.subarray(at - blockStart, end - blockStart);
      if (piece.length === 0) throw new RangeError('The source is shorter than it says.');
      pieces.push(piece);
      at += piece.length;
    }
    const [only] = pieces;
    return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
  };
};
