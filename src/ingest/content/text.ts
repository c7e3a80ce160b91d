import { isUtf8 } from 'node:buffer';

/** How a text is written; `bytes` is UTF-8 or any of the older encodings that have no NUL in them. */
export type TextEncoding = 'bytes' | 'utf-16le' | 'utf-16be';

/** Of a hundred characters of UTF-8, as many may be control characters: logs of terminals have some. */
const CONTROL_PERCENT = 2;
/** Those that text has for good reason: tab, line ends, form feed, and what terminals obey: bell, backspace, escape. */
const FREE = new Set([0x07, 0x08, 0x09, 0x0a, 0x0c, 0x0d, 0x1b]);
const isControl = (unit: number): boolean => unit < 0x20 && !FREE.has(unit);
/** By byte, since it is asked for every byte of a head. */
const CONTROLS = Uint8Array.from({ length: 256 }, (_, byte) => (isControl(byte) ? 1 : 0));

/**
 * How the beginning of a file is written as text; null when it is not text. `isCut` says that more follows, so that the
 * last character may be incomplete. An older encoding cannot be proved, only the lack of what no text has in it.
 */
export const textEncodingOf = (head: Buffer, isCut: boolean): TextEncoding | null => {
  if (head.length >= 2 && head[0] === 0xff && head[1] === 0xfe) return isUtf16(head) ? 'utf-16le' : null;
  if (head.length >= 2 && head[0] === 0xfe && head[1] === 0xff) {
    return isUtf16(Buffer.from(head.subarray(0, head.length & ~1)).swap16()) ? 'utf-16be' : null;
  }
  if (head.includes(0)) return null;
  let controls = 0;
  for (const byte of head) controls += CONTROLS[byte] ?? 0;
  if (controls === 0) return 'bytes';
  const isFew = controls * 100 <= head.length * CONTROL_PERCENT;
  return isFew && isUtf8(isCut ? withoutCutCharacter(head) : head) ? 'bytes' : null;
};

/** Whether a later piece of a text, of which `position` bytes came before it, has what no text has. */
export const hasNul = (piece: Buffer, position: number, encoding: TextEncoding): boolean => {
  if (encoding === 'bytes') return piece.includes(0);
  // A zero byte is half of most characters; only one that is all zeros is none.
  for (let at = piece.indexOf(NUL_UNIT); at !== -1; at = piece.indexOf(NUL_UNIT, at + 1)) {
    if ((position + at) % 2 === 0) return true;
  }
  return false;
};

const NUL_UNIT = Buffer.from([0, 0]);

const isUtf16 = (littleEndian: Buffer): boolean => {
  const text = littleEndian.toString('utf16le', 2);
  let controls = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === 0) return false;
    if (isControl(unit)) controls += 1;
  }
  const isCutPair = /[\ud800-\udbff]$/u.test(text);
  const isWhole = (isCutPair ? text.slice(0, -1) : text).isWellFormed();
  return isWhole && controls * 100 <= text.length * CONTROL_PERCENT;
};

const withoutCutCharacter = (head: Buffer): Buffer => {
  let end = head.length;
  while (end > 0 && head.length - end < 3 && ((head[end - 1] ?? 0) & 0xc0) === 0x80) end -= 1;
  return head.subarray(0, (head[end - 1] ?? 0) >= 0xc0 ? end - 1 : head.length);
};
