import type { OpenedSource } from './opened-source.ts';

/** Bytes that come once, one chunk after the other. */
export interface Inflow {
  next(): Promise<{ readonly done?: boolean | undefined; readonly value?: unknown }>;
  /** Ends it, also while a chunk is waited for that never comes. */
  end(): void;
}

/**
 * Cuts what can be read only once into pieces of at most `pieceBytes`. Each is kept until one behind it is asked for, so
 * that losing a connection loses nothing.
 */
export const createPieces = (inflow: Inflow, pieceBytes: number): OpenedSource => {
  let rest: Uint8Array = new Uint8Array(0);
  let hasEnded = false;
  let isBegun = false;
  let start = 0;
  let piece: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  /** Whether there are bytes that are not in a piece. */
  const hasMore = async (): Promise<boolean> => {
    while (!hasEnded && rest.length === 0) {
      const { done, value } = await inflow.next();
      if (done) hasEnded = true;
      else rest = bytesOf(value);
    }
    return rest.length > 0;
  };
  const fill = async (): Promise<Uint8Array<ArrayBuffer>> => {
    const room = new Uint8Array(pieceBytes);
    let filledBytes = 0;
    while (filledBytes < pieceBytes && (await hasMore())) {
      // Copied at once: whoever yields a chunk may use its memory again.
      const part = rest.subarray(0, pieceBytes - filledBytes);
      room.set(part, filledBytes);
      filledBytes += part.length;
      rest = rest.subarray(part.length);
    }
    return room.subarray(0, filledBytes);
  };

  return {
    filename: null,
    mediaType: null,
    identity: null,
    isRepeatable: false,
    sizeBytes: null,
    piece: async (offset) => {
      if (!isBegun || offset === start + piece.length) {
        isBegun = true;
        start += piece.length;
        piece = await fill();
      }
      const body = piece.subarray(offset - start);
      if (offset < start || offset > start + piece.length) {
        throw new RangeError(`Of the source, ${offset} cannot be read now, only ${start} and on.`);
      }
      // Known with the piece, so that an end need not be told by a request of its own.
      return { sizeBytes: body.length, isLast: !(await hasMore()), body };
    },
    close: async () => inflow.end(),
  };
};

const bytesOf = (chunk: unknown): Uint8Array => {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError('The source yields something else than bytes; give chunks as Uint8Array.');
};
