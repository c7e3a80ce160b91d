import { fileTypeFromBuffer } from 'file-type';
import { type Kind, kindOfMediaType } from './kinds.ts';
import { contentLimits } from './limits.ts';
import { type TextEncoding, textEncodingOf } from './text.ts';

/** What the beginning of a file shows. */
export type Found =
  | { readonly as: 'text'; readonly encoding: TextEncoding }
  | { readonly as: 'kind'; readonly kind: Kind }
  /** Binary; the media type is null when nothing is known of it. */
  | { readonly as: 'other'; readonly mediaType: string | null };

/**
 * Tells what a file is by its first `headBytes`, or all of it. What reads as text is text, whatever two letters it begins
 * with: `BM` and `MZ` begin words. Only PDF, which may be written in letters throughout, comes before.
 */
export const findKind = async (head: Buffer): Promise<Found> => {
  const isCut = head.length >= contentLimits.headBytes;
  if (startsWith(head, '%PDF-')) return known('application/pdf');
  const encoding = textEncodingOf(head, isCut);
  if (encoding !== null) return { as: 'text', encoding };
  const own = MAGIC.find(([magic]) => startsWith(head, magic));
  if (own !== undefined) return known(own[1]);
  const mediaType = await fileTypeOf(head);
  return mediaType === null ? { as: 'other', mediaType } : known(mediaType);
};

/** Those that matter most, and those for which `file-type` would unpack. */
const MAGIC: readonly (readonly [magic: string, mediaType: string])[] = [
  ['PK\x03\x04', 'application/zip'],
  ['PK\x05\x06', 'application/zip'],
  ['\x1f\x8b', 'application/gzip'],
  ['MZ', 'application/x-msdownload'],
  ['\x7fELF', 'application/x-elf'],
  ['\xfe\xed\xfa\xce', 'application/x-mach-binary'],
  ['\xfe\xed\xfa\xcf', 'application/x-mach-binary'],
  ['\xce\xfa\xed\xfe', 'application/x-mach-binary'],
  ['\xcf\xfa\xed\xfe', 'application/x-mach-binary'],
  ['\xca\xfe\xba\xbe', 'application/java-vm'],
  ['\0asm', 'application/wasm'],
  ['dex\n', 'application/vnd.android.package-archive'],
];

const startsWith = (head: Buffer, magic: string): boolean =>
  head.toString('latin1', 0, magic.length) === magic;

const known = (mediaType: string): Found => {
  const kind = kindOfMediaType(mediaType);
  return kind === undefined ? { as: 'other', mediaType } : { as: 'kind', kind };
};

const fileTypeOf = async (head: Buffer): Promise<string | null> => {
  try {
    const found = await fileTypeFromBuffer(head);
    return found?.mime.split(';', 1)[0]?.toLowerCase() ?? null;
  } catch {
    // A detector that stumbles over a broken header knows nothing of the file.
    return null;
  }
};
