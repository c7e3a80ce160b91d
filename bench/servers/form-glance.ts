/** What a glance at a form's first bytes tells of its file, taken that the file is the last part. */
export interface SeenFile {
  readonly filename: string;
  readonly sizeBytes: number;
  /** The first 64 bytes of the file, which no two generated files share. */
  readonly stamp: string;
}

const STAMP_BYTES = 64;
/** By then every sender here has come to its file. */
const HEAD_BYTES = 4_096;

/** Reads a form's start and counts the rest, without looking for boundaries in it: the sink must not be what is measured. */
export const createForm = (contentType: string) => {
  const [, quoted, plain] = /boundary=(?:"([^"]+)"|([^;\s]+))/iu.exec(contentType) ?? [];
  const boundary = quoted ?? plain ?? '';
  let head = Buffer.alloc(0);
  let totalBytes = 0;
  return {
    take: (chunk: Buffer): void => {
      totalBytes += chunk.length;
      if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES)]);
    },
    seen: (): SeenFile => {
      const text = head.toString('latin1');
      const named = /filename="([^"]*)"/u.exec(text);
      const from = named === null ? -1 : text.indexOf('\r\n\r\n', named.index) + 4;
      // "\r\n--boundary--\r\n"; the last line break is left out by some.
      const endBytes = boundary.length + 6 + 2;
      const sizeBytes = from < 4 ? 0 : totalBytes - from - endBytes;
      const filename = Buffer.from(named?.[1] ?? 'unnamed', 'latin1').toString();
      return { filename, sizeBytes, stamp: text.slice(from, from + STAMP_BYTES) };
    },
  };
};
