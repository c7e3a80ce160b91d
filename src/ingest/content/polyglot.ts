import { unsafe } from './refusals.ts';
import { type ContentSource, readAt } from './source.ts';

/** An end record and the longest comment after it (APPNOTE 4.3.16). */
const TAIL_BYTES = 22 + 0xffff;
const END_OF_DIRECTORY = Buffer.from('PK\x05\x06', 'latin1');
const DIRECTORY_ENTRY = Buffer.from('PK\x01\x02', 'latin1');

/**
 * Rejects with `unsafe_content` a picture, a sound or a document behind which a zip archive hangs: readers of archives look
 * for it at the end, and would find a program in what others show as a picture.
 */
export const refuseAppendedZip = async (source: ContentSource): Promise<void> => {
  const tailStart = Math.max(0, source.sizeBytes - TAIL_BYTES);
  const tail = await readAt(source, tailStart, source.sizeBytes);
  for (
    let at = tail.lastIndexOf(END_OF_DIRECTORY);
    at !== -1;
    at = at === 0 ? -1 : tail.lastIndexOf(END_OF_DIRECTORY, at - 1)
  ) {
    if (at + 22 > tail.length) continue;
    const directoryStart = tailStart + at - tail.readUInt32LE(at + 12);
    // What a compressed picture has in it by chance has no directory before it.
    const before = await readAt(source, directoryStart, directoryStart + 4);
    if (before.equals(DIRECTORY_ENTRY)) {
      throw unsafe('The file is an archive as well, hidden behind other content; send them one by one.');
    }
  }
};
