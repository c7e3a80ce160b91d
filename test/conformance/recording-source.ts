import { createHash } from 'node:crypto';
import type { ByteRange } from '../../src/core/provider.ts';

/** A source of bytes that notes how often it was opened and whether every opening was ended. */
export interface RecordingSource {
  readonly open: (range?: ByteRange) => AsyncIterable<Buffer>;
  /** How often the byte was opened that was opened most often. */
  opened(): number;
  /** The ranges opened, in the order of opening. */
  ranges(): readonly ByteRange[];
  /** Resolves when each opening so far was read to its end, failed, or had its iterator's `return` called. */
  ended(): Promise<unknown>;
}

export const recordingSource = (
  pieces: () => Iterable<Buffer | Promise<Buffer>> | AsyncIterable<Buffer>,
): RecordingSource => {
  const openings: PromiseWithResolvers<void>[] = [];
  const ranges: ByteRange[] = [];
  return {
    open: (range = WHOLE) => {
      const opening = Promise.withResolvers<void>();
      openings.push(opening);
      ranges.push(range);
      const inner = clip(pieces(), range);
      return {
        [Symbol.asyncIterator]: () => ({
          next: async () => {
            const result = await inner.next().catch((error: unknown) => {
              opening.resolve();
              throw error;
            });
            if (result.done === true) opening.resolve();
            return result;
          },
          return: async () => {
            opening.resolve();
            return inner.return(undefined);
          },
        }),
      };
    },
    opened: () => Math.max(0, ...ranges.map(({ start }) => countAt(ranges, start))),
    ranges: () => ranges,
    ended: () => Promise.all(openings.map(({ promise }) => promise)),
  };
};

const WHOLE: ByteRange = { start: 0, end: Number.POSITIVE_INFINITY };

const countAt = (ranges: readonly ByteRange[], offset: number): number =>
  ranges.filter(({ start, end }) => start <= offset && offset < end).length;

/** A source of these bytes in pieces of that size. */
export const sourceOf = (bytes: Buffer, pieceBytes = 65_536): RecordingSource =>
  recordingSource(() => cut(bytes, pieceBytes));

const MOST_WORDS_BYTES = 32 * 2 ** 20;

/** Made once and ahead, because making it takes long enough to delay the timeouts of checks that run at the same time. */
const TEXT = ((): Buffer => {
  const lines: string[] = [];
  for (let length = 0, line = 0; length < MOST_WORDS_BYTES; line += 1) {
    const text = `Line ${line.toString(36)} of these notes says little, but no other says the same.\n`;
    lines.push(text);
    length += text.length;
  }
  return Buffer.from(lines.join('')).subarray(0, MOST_WORDS_BYTES);
})();

/** Text that does not repeat itself, so that a lost, doubled or moved piece changes the hash; at most 32 MiB. */
export const words = (sizeBytes: number): Buffer => {
  if (sizeBytes > TEXT.length) throw new RangeError(`at most ${TEXT.length} bytes`);
  return TEXT.subarray(0, sizeBytes);
};

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

export const cut = function* (bytes: Buffer, pieceBytes: number): Generator<Buffer> {
  for (let from = 0; from < bytes.length; from += pieceBytes) yield bytes.subarray(from, from + pieceBytes);
};

async function* clip(
  pieces: Iterable<Buffer | Promise<Buffer>> | AsyncIterable<Buffer>,
  { start, end }: ByteRange,
): AsyncGenerator<Buffer> {
  let offset = 0;
  for await (const piece of pieces) {
    const wanted = piece.subarray(Math.max(0, start - offset), Math.max(0, end - offset));
    offset += piece.length;
    if (wanted.length > 0) yield wanted;
    if (offset >= end) return;
  }
}
