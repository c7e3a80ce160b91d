/** A file that is there, for what has to look at more than its beginning. */
export interface ContentSource {
  readonly sizeBytes: number;
  /** Bytes `[start, end)`, fewer where the file ends. May be called again for the same ones. */
  read(range: { readonly start: number; readonly end: number }): AsyncIterable<Buffer>;
}

/** Of bytes in memory. */
export const sourceOf = (bytes: Buffer): ContentSource => ({
  sizeBytes: bytes.length,
  read: async function* ({ start, end }) {
    yield bytes.subarray(start, end);
  },
});

/** The bytes of a range at once; for ranges that are small. */
export const readAt = async (source: ContentSource, start: number, end: number): Promise<Buffer> => {
  const from = Math.max(0, start);
  const to = Math.min(end, source.sizeBytes);
  if (to <= from) return Buffer.alloc(0);
  const pieces: Buffer[] = [];
  for await (const piece of source.read({ start: from, end: to })) pieces.push(piece);
  const [only] = pieces;
  return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
};
