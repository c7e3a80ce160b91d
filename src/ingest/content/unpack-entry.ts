import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';
import { contentLimits } from './limits.ts';
import { unsafe } from './refusals.ts';
import type { ContentSource } from './source.ts';
import type { Unpacking } from './unpacking.ts';
import type { Located } from './zip.ts';

interface Reading {
  readonly source: ContentSource;
  readonly read: (start: number, end: number) => Promise<Buffer>;
  readonly unpacking: Unpacking;
}

/** Read in many small pieces, an entry is cheaper from memory than by a stream of its own. */
const SMALL_BYTES = 2 ** 16;
const MIMETYPE_BYTES = 128;

/**
 * Unpacks an entry and counts what comes out. Returns its content when that is an archive to be looked into, or tells the
 * media type of the whole; else null. Rejects with `unsafe_content` when it is not as large as it says.
 */
export const unpackEntry = async (located: Located, reading: Reading): Promise<Buffer | null> => {
  const { entry } = located;
  if (entry.uncompressedSize === 0 && entry.compressedSize === 0) return null;
  let unpackedBytes = 0;
  let wanted: Buffer[] | null = null;
  const take = (piece: Buffer): void => {
    if (unpackedBytes === 0 && isWanted(located, piece)) wanted = [];
    unpackedBytes += piece.length;
    reading.unpacking.add(piece.length);
    if (unpackedBytes > entry.uncompressedSize) throw unsafe('The archive unpacks to more than it says.');
    wanted?.push(piece);
  };
  await unpack(located, reading, take);
  if (unpackedBytes !== entry.uncompressedSize) throw unsafe('The archive unpacks to less than it says.');
  return wanted === null ? null : Buffer.concat(wanted);
};

const isWanted = ({ entry }: Located, first: Buffer): boolean => {
  const { fileName, uncompressedSize } = entry;
  if (fileName === 'mimetype') return uncompressedSize <= MIMETYPE_BYTES;
  return (
    uncompressedSize <= contentLimits.nestedArchiveBytes && first.toString('latin1', 0, 4) === 'PK\x03\x04'
  );
};

const unpack = async (
  { entry, start, end }: Located,
  { source, read }: Reading,
  take: (piece: Buffer) => void,
): Promise<void> => {
  const packed = end - start <= SMALL_BYTES ? [await read(start, end)] : source.read({ start, end });
  if (entry.compressionMethod === 0) {
    for await (const piece of packed) take(piece);
    return;
  }
  const inflate = createInflateRaw({ chunkSize: chunkBytesFor(entry.uncompressedSize) });
  await pipeline(Readable.from(packed), inflate, async (unpacked: AsyncIterable<Buffer>) => {
    for await (const piece of unpacked) take(piece);
  });
};

/** No larger than needed: there may be ten thousand entries of a few bytes. */
const chunkBytesFor = (bytes: number): number => Math.min(2 ** 18, Math.max(1_024, bytes));
