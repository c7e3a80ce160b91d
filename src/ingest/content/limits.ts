/** What a file may be at most, so that nobody who opens it later is drowned in it. `docs/content.md` repeats these. */
export const contentLimits = {
  /** Read from the beginning of a file to tell what it is: as much as `file-type` looks at. */
  headBytes: 4_100,
  /** Files and directories of an archive, those of archives in it included. */
  archiveEntries: 10_000,
  /** All that an archive unpacks to. */
  unpackedBytes: 2 * 2 ** 30,
  /** How many times its own size an archive may unpack to … */
  unpackRatio: 200,
  /** … once that is more than this. Small files of zeros are common and harmless. */
  freeUnpackedBytes: 10 * 2 ** 20,
  /** An archive in an archive in an archive is looked into; one more is refused. */
  archiveDepth: 3,
  /** An archive in an archive is held in memory to be looked into; a larger one counts as a file like any other. */
  nestedArchiveBytes: 8 * 2 ** 20,
  /** Of an image: 4 bytes each in the memory of whoever opens it. */
  pixels: 100_000_000,
  /** How far into an image its size is looked for. */
  imageHeaderBytes: 2 ** 20,
} as const;
