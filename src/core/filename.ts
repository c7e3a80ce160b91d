import { GatewayError } from './errors.ts';

/** The longest name kept, in UTF-8 bytes: what ext4, APFS and NTFS hold in one path component. */
const MAX_NAME_BYTES = 255;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/u;
/** Bidirectional overrides and zero-width characters, by which a name can show as another. */
const INVISIBLE = /[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

/**
 * The name to show for a file, from the name a client sent. It is a label: bytes are never stored under it.
 * Directories are dropped, invisible characters removed, and a long name is cut with its extension kept.
 * Rejects a name with control characters (`invalid_filename`), which no honest client sends.
 */
export const cleanFilename = (raw: string): string => {
  if (CONTROL.test(raw)) {
    throw new GatewayError(
      'invalid_filename',
      'The file name contains control characters; rename the file and send it again.',
      {
        param: 'filename',
      },
    );
  }
  const last = raw.split(/[/\\]/u).at(-1) ?? '';
  const name = cutToBytes(last.toWellFormed().replace(INVISIBLE, '').trim());
  if (name === '' || /^\.+$/u.test(name)) {
    throw new GatewayError(
      'invalid_filename',
      'The file needs a name; send one, for example filename="report.pdf".',
      {
        param: 'filename',
      },
    );
  }
  return name;
};

/** The lower-case extension without the dot, or an empty string. */
export const extensionOf = (filename: string): string => {
  const dot = filename.lastIndexOf('.');
  return dot <= 0 ? '' : filename.slice(dot + 1).toLowerCase();
};

const cutToBytes = (name: string): string => {
  if (Buffer.byteLength(name) <= MAX_NAME_BYTES) return name;
  const dot = name.lastIndexOf('.');
  const suffix = dot > 0 && Buffer.byteLength(name.slice(dot)) <= 32 ? name.slice(dot) : '';
  const room = MAX_NAME_BYTES - Buffer.byteLength(suffix);
  let kept = '';
  let keptBytes = 0;
  // By code point: what shows as one character may itself be longer than any name.
  for (const character of name) {
    keptBytes += Buffer.byteLength(character);
    if (keptBytes > room) break;
    kept += character;
  }
  return (kept + suffix).trimEnd();
};
