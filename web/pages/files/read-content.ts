import type { FileObject, Waybill } from '../../../src/client/browser.ts';
import { unwrapText } from '../../../src/core/unwrap-text.ts';

export type PreviewKind = 'text' | 'json' | 'image' | 'none';

/** What of a text is shown. */
const MAX_TEXT_BYTES = 64 * 2 ** 10;
const MAX_IMAGE_BYTES = 20 * 2 ** 20;
const TEXT =
  /^(text\/|application\/(xml|yaml|x-yaml|toml|javascript|typescript|sql|x-ndjson|jsonl|x-sh)$)|\+(xml|yaml)$/u;
const IMAGES = new Set([
  'image/png',
  'image/jpeg',
  'image/gif',
  'image/webp',
  'image/avif',
  'image/bmp',
  'image/svg+xml',
]);

/** How a file can be shown here. The type is the gateway's, which has looked at the content. */
export const previewKind = ({
  media_type: type,
  bytes,
  filename,
}: Pick<FileObject, 'media_type' | 'bytes' | 'filename'>): PreviewKind => {
  const [essence = ''] = type.split(';');
  if (IMAGES.has(essence)) return bytes <= MAX_IMAGE_BYTES ? 'image' : 'none';
  if (/[/+]json$/u.test(essence)) return 'json';
  if (!TEXT.test(essence)) return 'none';
  return /\.json$/iu.test(filename) ? 'json' : 'text';
};

export interface ReadText {
  readonly text: string;
  /** Whether this is only its beginning. */
  readonly isCut: boolean;
}

/** The beginning of a file that is text; JSON that is whole is set out. */
export const readText = async (
  waybill: Waybill,
  file: FileObject,
  signal: AbortSignal,
): Promise<ReadText> => {
  const range = { start: 0, end: Math.min(file.bytes, MAX_TEXT_BYTES) };
  const { body } = await waybill.files.content(file.id, { range, signal });
  const { text } = await beginningOf(body);
  const isCut = file.bytes > MAX_TEXT_BYTES;
  return { text: previewKind(file) === 'json' && !isCut ? setOut(text) : text, isCut };
};

/** The beginning of the text that a provider has read in a file. */
export const readExtract = async (
  waybill: Waybill,
  { id, from, signal }: { id: string; from: string; signal: AbortSignal },
): Promise<ReadText> => {
  const { body } = await waybill.files.content(id, { from, signal });
  return await beginningOf(unwrapText(body));
};

/** A picture, which the page holds. */
export const readImage = async (waybill: Waybill, file: FileObject, signal: AbortSignal): Promise<Blob> => {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of (await waybill.files.content(file.id, { signal })).body)
    parts.push(new Uint8Array(part));
  return new Blob(parts, { type: file.media_type });
};

const beginningOf = async (body: AsyncIterable<Uint8Array>): Promise<ReadText> => {
  const decoder = new TextDecoder();
  let text = '';
  let sizeBytes = 0;
  for await (const part of body) {
    const left = MAX_TEXT_BYTES - sizeBytes;
    text += decoder.decode(part.subarray(0, left), { stream: true });
    sizeBytes += part.length;
    if (sizeBytes > MAX_TEXT_BYTES) return { text, isCut: true };
  }
  return { text: text + decoder.decode(), isCut: false };
};

const setOut = (text: string): string => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
};
