import { contentLimits } from './limits.ts';
import { unsafe } from './refusals.ts';
import { type ContentSource, readAt } from './source.ts';

/**
 * Rejects with `unsafe_content` an image that declares more pixels than anybody should have in memory. Read from its header;
 * nothing is decoded. An image without a size where the format has it passes: it cannot be decoded either.
 */
export const refusePixelFlood = async (source: ContentSource, mediaType: string): Promise<void> => {
  const sizeOf = READERS[mediaType];
  if (sizeOf === undefined) return;
  const size = await sizeOf(source);
  if (size === null || size.width * size.height <= contentLimits.pixels) return;
  const what = `${size.width} x ${size.height} pixels`;
  throw unsafe(`The image has ${what}; at most ${contentLimits.pixels} in all are accepted.`);
};

interface Size {
  readonly width: number;
  readonly height: number;
}

type SizeReader = (source: ContentSource) => Promise<Size | null>;

/** Of a format that has its size within the first bytes. */
const early =
  (sizeOf: (head: Buffer) => Size | null): SizeReader =>
  async (source) => {
    const head = await readAt(source, 0, 64);
    return head.length < 30 ? null : sizeOf(head);
  };

/** Canvas of VP8X, or the frame of VP8L or VP8 (RFC 9649, 2.5 to 2.7). */
const webpSize = (head: Buffer): Size | null => {
  const chunk = head.toString('latin1', 12, 16);
  if (chunk === 'VP8X') return { width: head.readUIntLE(24, 3) + 1, height: head.readUIntLE(27, 3) + 1 };
  if (chunk === 'VP8 ')
    return { width: head.readUInt16LE(26) & 0x3fff, height: head.readUInt16LE(28) & 0x3fff };
  if (chunk !== 'VP8L') return null;
  const bits = head.readUInt32LE(21);
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
};

/** The first frame header (ITU-T T.81, B.2.2), behind segments that may be long. */
const jpegSize: SizeReader = async (source) => {
  const head = await readAt(source, 0, contentLimits.imageHeaderBytes);
  let at = 2;
  while (at + 9 <= head.length) {
    if (head[at] !== 0xff) return null;
    const marker = head[at + 1] ?? 0;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (marker >= 0xc0 && marker <= 0xcf && !NO_FRAME.has(marker)) {
      return { height: head.readUInt16BE(at + 5), width: head.readUInt16BE(at + 7) };
    }
    at += 2 + Math.max(2, head.readUInt16BE(at + 2));
  }
  return null;
};

const NO_FRAME = new Set([0xc4, 0xc8, 0xcc]);

/** Tags 256 and 257 of the first directory (TIFF 6.0, section 2), which may be anywhere. */
const tiffSize: SizeReader = async (source) => {
  const head = await readAt(source, 0, 8);
  if (head.length < 8) return null;
  const isLittle = head[0] === 0x49;
  const short = (bytes: Buffer, at: number) => (isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const long = (bytes: Buffer, at: number) => (isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const offset = long(head, 4);
  const directory = await readAt(source, offset, offset + 2 + 12 * 512);
  const found = new Map<number, number>();
  for (let at = 2; at + 12 <= directory.length && (at - 2) / 12 < short(directory, 0); at += 12) {
    const isLong = short(directory, at + 2) === 4;
    found.set(short(directory, at), isLong ? long(directory, at + 8) : short(directory, at + 8));
  }
  const [width, height] = [found.get(256), found.get(257)];
  return width === undefined || height === undefined ? null : { width, height };
};

const READERS: Readonly<Record<string, SizeReader>> = {
  'image/png': early((head) => ({ width: head.readUInt32BE(16), height: head.readUInt32BE(20) })),
  'image/gif': early((head) => ({ width: head.readUInt16LE(6), height: head.readUInt16LE(8) })),
  'image/bmp': early((head) =>
    head.readUInt32LE(14) === 12
      ? { width: head.readUInt16LE(18), height: head.readUInt16LE(20) }
      : { width: Math.abs(head.readInt32LE(18)), height: Math.abs(head.readInt32LE(22)) },
  ),
  'image/webp': early(webpSize),
  'image/jpeg': jpegSize,
  'image/tiff': tiffSize,
};
