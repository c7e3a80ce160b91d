import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';
import { GatewayError } from '../../core/errors.ts';
import { createBlocks } from './blocks.ts';
import { refuseOutsideName, refuseSpecial } from './entry-name.ts';
import { contentLimits } from './limits.ts';
import { unsafe } from './refusals.ts';
import { type ContentSource, sourceOf } from './source.ts';
import { unpackEntry } from './unpack-entry.ts';
import type { Unpacking } from './unpacking.ts';
import { mediaTypeOfZip } from './zip-media-type.ts';

/**
 * Reads a zip archive as whoever unpacks it will, without keeping what comes out, and tells its media type: a document's, an
 * executable's or `application/zip`. Rejects with `unsafe_content` whatever is not an honest archive of bounded size.
 */
export const inspectZip = async (source: ContentSource, unpacking: Unpacking, depth = 1): Promise<string> => {
  if (depth > contentLimits.archiveDepth) {
    throw unsafe('The archive has archives within archives too deep to look into; unpack them first.');
  }
  try {
    return await inspect(source, unpacking, depth);
  } catch (error) {
    // What the store or a limit says stays; the rest is what was found wrong with the bytes.
    if (error instanceof GatewayError || (error instanceof Error && error.name === 'BlobMissingError'))
      throw error;
    throw unsafe('The archive is damaged, or of a kind that cannot be looked into.', error);
  }
};

/** An entry, and where its bytes are. */
export interface Located {
  readonly entry: Entry;
  readonly start: number;
  readonly end: number;
}

const inspect = async (source: ContentSource, unpacking: Unpacking, depth: number): Promise<string> => {
  const read = createBlocks(source);
  const zip = await fromRandomAccessReaderPromise(new BlockReader(read), source.sizeBytes, {
    autoClose: false,
    strictFileNames: true,
  });
  unpacking.entries(zip.entryCount);
  const directoryStart = cursorOf(zip);
  const entries = await listEntries(zip);
  await refuseMoreDirectory(cursorOf(zip), read);
  const declared = entries.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0);
  unpacking.refuseMoreThan(declared);
  const located = await locate(zip, entries);
  refuseOverlap(located, directoryStart);
  let mimetype: string | null = null;
  for (const [index, each] of located.entries()) {
    // Small entries are read without a wait, and there may be many.
    if (index % 64 === 63) await nextTurn();
    const content = await unpackEntry(each, { source, read, unpacking });
    if (each.entry.fileName === 'mimetype') mimetype = content?.toString('latin1').trim() ?? null;
    else if (content !== null) await inspectZip(sourceOf(content), unpacking, depth + 1);
  }
  return mediaTypeOfZip(new Set(entries.map(({ fileName }) => fileName)), mimetype);
};

/** Gives the library the bytes it asks for. */
class BlockReader extends RandomAccessReader {
  readonly #read: (start: number, end: number) => Promise<Buffer>;

  constructor(read: (start: number, end: number) => Promise<Buffer>) {
    super();
    this.#read = read;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.#read(position, position + length).then(
      (bytes) => {
        bytes.copy(buffer, offset);
        callback(null);
      },
      (error: Error) => callback(error),
    );
  }
}

/** Where the library reads next; its types say otherwise than its code. */
const cursorOf = (zip: ZipFile): number => Number(zip.readEntryCursor);

const listEntries = async (zip: ZipFile): Promise<Entry[]> => {
  const entries: Entry[] = [];
  for await (const entry of zip.eachEntry()) {
    refuseOutsideName(entry.fileName);
    refuseSpecial(SPECIAL.has((entry.externalFileAttributes >>> 28) & 0xf));
    if (entry.isEncrypted())
      throw unsafe('The archive is encrypted and cannot be looked into; send it unpacked.');
    if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8) {
      throw unsafe('The archive is packed by another method than deflate; pack it again.');
    }
    entries.push(entry);
    if (entries.length % 256 === 0) await nextTurn();
  }
  return entries;
};

/** The kind of file in a Unix mode: link, device, pipe or socket. */
const SPECIAL = new Set([0o01, 0o02, 0o06, 0o12, 0o14]);

/** Some readers go by the number of entries, others read on: they must come to the same end. */
const refuseMoreDirectory = async (
  end: number,
  read: (start: number, end: number) => Promise<Buffer>,
): Promise<void> => {
  const next = (await read(end, end + 4)).toString('latin1');
  if (next === 'PK\x01\x02') throw unsafe('The archive has more entries than it says.');
};

const locate = async (zip: ZipFile, entries: readonly Entry[]): Promise<Located[]> => {
  const inOrder = [...entries].sort((a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader);
  const located: Located[] = [];
  for (const entry of inOrder) {
    const header = await zip.readLocalFileHeaderPromise(entry);
    const agrees =
      header.fileName.equals(entry.fileNameRaw) &&
      header.compressionMethod === entry.compressionMethod &&
      (header.generalPurposeBitFlag & 1) === 0 &&
      hasSameSizes(header, entry);
    if (!agrees) throw unsafe('The archive says two things of the same entry.');
    located.push({ entry, start: header.fileDataStart, end: header.fileDataStart + entry.compressedSize });
    if (located.length % 256 === 0) await nextTurn();
  }
  return located;
};

type Sizes = Pick<Entry, 'crc32' | 'compressedSize' | 'uncompressedSize' | 'generalPurposeBitFlag'>;

/** Sizes that follow the content, or that stand in an extra field, are not in the header (APPNOTE 4.4.4, 4.4.8). */
const hasSameSizes = (header: Sizes, entry: Sizes): boolean =>
  (header.generalPurposeBitFlag & 8) !== 0 ||
  (isSame(header.compressedSize, entry.compressedSize) &&
    isSame(header.uncompressedSize, entry.uncompressedSize));

const isSame = (local: number, central: number): boolean => local === central || local === 0xffffffff;

/** Entries that share bytes are how a small archive unpacks to much. */
const refuseOverlap = (located: readonly Located[], directoryStart: number): void => {
  let end = 0;
  for (const { entry, ...data } of located) {
    if (entry.relativeOffsetOfLocalHeader < end || data.end > directoryStart) {
      throw unsafe('The archive has entries that lie over one another.');
    }
    end = data.end;
  }
};
