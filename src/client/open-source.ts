import { exactly, sourceChanged } from './exactly.ts';
import type { OpenedSource } from './opened-source.ts';
import { createPieces, type Inflow } from './pieces.ts';
import type { Platform } from './platform.ts';
import type { RangedSource, UploadSource } from './upload-options.ts';

/** Of what cannot be sent as it is read: what is in memory, and sent again when a connection is lost. */
const PIECE_BYTES = 8 * 2 ** 20;

/** Rejects with `TypeError` for what is none, and with what opening a path fails with. */
export const openSource = async (source: UploadSource, platform: Platform): Promise<OpenedSource> => {
  if (typeof source === 'string' || source instanceof URL) return await platform.openPath(source);
  if (source instanceof Blob) return openBlob(source);
  if (isRanged(source)) return openRanged(source, platform);
  if (source instanceof ReadableStream) return createPieces(streamed(source), PIECE_BYTES);
  if (Symbol.asyncIterator in source) return createPieces(iterated(source), PIECE_BYTES);
  throw new TypeError('The source is none: give a path, a Blob, a stream, or an async iterable of bytes.');
};

const isRanged = (source: object): source is RangedSource => 'open' in source && 'sizeBytes' in source;

const openBlob = (blob: Blob): OpenedSource => {
  const file = blob instanceof File ? blob : null;
  return {
    filename: file?.name ?? null,
    mediaType: blob.type === '' ? null : blob.type,
    identity: file && `file:${file.lastModified}:${file.name}`,
    isRepeatable: true,
    sizeBytes: blob.size,
    piece: async (offset) => {
      // A file that has changed cannot be read any more; as the body of a request it would look like a lost connection.
      await blob
        .slice(offset, offset + 1)
        .arrayBuffer()
        .catch((cause: unknown) => {
          throw sourceChanged(cause);
        });
      return { sizeBytes: blob.size - offset, isLast: true, body: blob.slice(offset) };
    },
    close: async () => undefined,
  };
};

const openRanged = (source: RangedSource, { streamsBodies }: Platform): OpenedSource => {
  const { sizeBytes, identity } = source;
  return {
    filename: null,
    mediaType: null,
    identity: identity === undefined ? null : `ranged:${identity}`,
    isRepeatable: true,
    sizeBytes,
    piece: async (start) => {
      const end = streamsBodies ? sizeBytes : Math.min(start + PIECE_BYTES, sizeBytes);
      const open = (): AsyncIterable<Uint8Array> => source.open(start, end);
      const body = streamsBodies ? open : await collect(open(), end - start);
      return { sizeBytes: end - start, isLast: end === sizeBytes, body };
    },
    close: async () => undefined,
  };
};

/** Copied at once: whoever yields a chunk may use its memory again. */
const collect = async (
  chunks: AsyncIterable<Uint8Array>,
  sizeBytes: number,
): Promise<Uint8Array<ArrayBuffer>> => {
  const bytes = new Uint8Array(sizeBytes);
  let filledBytes = 0;
  for await (const chunk of exactly(chunks, sizeBytes)) {
    bytes.set(chunk, filledBytes);
    filledBytes += chunk.length;
  }
  return bytes;
};

const streamed = (stream: ReadableStream<Uint8Array>): Inflow => {
  const reader = stream.getReader();
  return { next: () => reader.read(), end: () => void reader.cancel().catch(() => undefined) };
};

const iterated = (source: AsyncIterable<Uint8Array>): Inflow => {
  const iterator = source[Symbol.asyncIterator]();
  return {
    next: () => iterator.next(),
    end: () => {
      // Not awaited: a generator that waits for what never comes cannot be ended. A stream of Node's can.
      iterator.return?.().catch(() => undefined);
      if ('destroy' in source && typeof source.destroy === 'function') source.destroy();
    },
  };
};
