import { contentLimits } from './limits.ts';
import { unsafe } from './refusals.ts';

/** What an archive, with those in it, may still unpack to. Both methods reject with `unsafe_content` when that is too much. */
export interface Unpacking {
  entries(count: number): void;
  /** Counted, or declared by a header. */
  refuseMoreThan(unpackedBytes: number): void;
  /** Counts what was unpacked just now. With `packedBytes`, against what of the archive has been read so far. */
  add(unpackedBytes: number, packedBytes?: number): void;
}

/** For one archive of `archiveBytes`. */
export const startUnpacking = (archiveBytes: number): Unpacking => {
  let entriesSeen = 0;
  let unpacked = 0;
  const refuse = (bytes: number, packedBytes = archiveBytes): void => {
    if (bytes > unpackedLimit(packedBytes)) {
      throw unsafe(
        `The archive of ${archiveBytes} bytes would unpack to too much; send its files one by one.`,
      );
    }
  };
  return {
    entries: (count) => {
      entriesSeen += count;
      const { archiveEntries } = contentLimits;
      if (entriesSeen > archiveEntries) {
        throw unsafe(`The archive has more than ${archiveEntries} entries; send it in parts.`);
      }
    },
    refuseMoreThan: refuse,
    add: (bytes, packedBytes) => {
      unpacked += bytes;
      refuse(unpacked, packedBytes);
    },
  };
};

/** What that many bytes may unpack to. */
export const unpackedLimit = (packedBytes: number): number => {
  const { unpackedBytes, unpackRatio, freeUnpackedBytes } = contentLimits;
  return Math.min(unpackedBytes, Math.max(freeUnpackedBytes, packedBytes * unpackRatio));
};
