import { createHash } from 'node:crypto';

/** A source of bytes that notes how often it was opened and whether every opening was ended. */
export interface RecordingSource {
  readonly open: () => AsyncIterable<Buffer>;
  opened(): number;
  /** Resolves when each opening so far was read to its end, failed, or had its iterator's `return` called. */
  ended(): Promise<unknown>;
}

export const recordingSource = (
  pieces: () => Iterable<Buffer | Promise<Buffer>> | AsyncIterable<Buffer>,
): RecordingSource => {
  const openings: PromiseWithResolvers<void>[] = [];
  return {
    open: () => {
      const opening = Promise.withResolvers<void>();
      openings.push(opening);
      const inner = iterate(pieces());
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
    opened: () => openings.length,
    ended: () => Promise.all(openings.map(({ promise }) => promise)),
  };
};

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

async function* iterate(
  pieces: Iterable<Buffer | Promise<Buffer>> | AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  yield* pieces;
}
