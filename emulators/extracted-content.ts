import { open } from 'node:fs/promises';
import { extname } from 'node:path';
import type { StoredFile } from './file-shelf.ts';

/** Extensions, without the dot, of the kinds Kimi lists that are plain text. */
export const TEXT_TYPES: ReadonlySet<string> = new Set(
  'txt csv md html json log go h c cpp cxx cc cs java js css jsp php py py3 asp yaml yml ini conf ts tsx svg'.split(
    ' ',
  ),
);

const MAX_TEXT_BYTES = 1_048_576;

/**
 * What a provider that extracts text answers for a file's content: a JSON text whose `content` is the file's own text (its
 * first 1 MiB), or for a kind that holds no plain text one sentence that says so.
 */
export const extractedContent = async (file: StoredFile, path: string): Promise<string> =>
  JSON.stringify({
    content: await textOf(file, path),
    file_type: file.mediaType,
    filename: file.filename,
    title: '',
    type: 'file',
  });

const textOf = async (file: StoredFile, path: string): Promise<string> => {
  const extension = extensionOf(file.filename);
  if (!TEXT_TYPES.has(extension) && extension !== 'jsonl') {
    return `Emulated extraction: ${file.filename} (${file.bytes} bytes) is a .${extension} file, and no text is read from that kind here.`;
  }
  const handle = await open(path);
  try {
    const beginning = Buffer.alloc(Math.min(file.bytes, MAX_TEXT_BYTES));
    const { bytesRead } = await handle.read(beginning, 0, beginning.length, 0);
    // As a stream that goes on, so that a character cut by the bound is left out, not replaced.
    return new TextDecoder().decode(beginning.subarray(0, bytesRead), { stream: true });
  } finally {
    await handle.close();
  }
};

/** In lower case, without the dot; empty where there is none. */
export const extensionOf = (filename: string): string => extname(filename).slice(1).toLowerCase();
