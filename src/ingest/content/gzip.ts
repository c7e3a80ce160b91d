import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { GatewayError } from '../../core/errors.ts';
import { unsafe } from './refusals.ts';
import type { ContentSource } from './source.ts';
import { inspectTar, isTar } from './tar.ts';
import type { Unpacking } from './unpacking.ts';

/** Small pieces, so that little comes out of a bomb between two looks at it. */
const PIECE_BYTES = 2 ** 16;

/**
 * Unpacks a gzip file without keeping what comes out; a tar archive in it is read as one. Rejects with `unsafe_content` as
 * soon as too much has come out of what went in, whatever the file says, and when it is damaged.
 */
export const inspectGzip = async (source: ContentSource, unpacking: Unpacking): Promise<void> => {
  let packedBytes = 0;
  const packed = async function* (): AsyncGenerator<Buffer> {
    for await (const piece of source.read({ start: 0, end: source.sizeBytes })) {
      for (let at = 0; at < piece.length; at += PIECE_BYTES) {
        const part = piece.subarray(at, at + PIECE_BYTES);
        packedBytes += part.length;
        yield part;
      }
    }
  };
  const counted = async function* (unpacked: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of unpacked) {
      unpacking.add(piece.length, packedBytes);
      yield piece;
    }
  };
  try {
    const gunzip = createGunzip({ chunkSize: PIECE_BYTES });
    await pipeline(Readable.from(packed()), gunzip, counted, (content: AsyncIterable<Buffer>) =>
      readContent(content, unpacking),
    );
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    // The codes of zlib; anything else failed on our side.
    if (error instanceof Error && 'code' in error && /^Z_/u.test(String(error.code))) {
      throw unsafe('The gzip file is damaged.', error);
    }
    throw error;
  }
};

const readContent = async (content: AsyncIterable<Buffer>, unpacking: Unpacking): Promise<void> => {
  const pieces = content[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < 512) {
    const next = await pieces.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  const rest = async function* (): AsyncGenerator<Buffer> {
    yield head;
    for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) yield next.value;
  };
  if (isTar(head)) return await inspectTar(rest(), unpacking);
  for await (const _ of rest()) {
    // Counted on its way.
  }
};
