import type { DriveMapping } from '../platform/variables.ts';
import { invalidPath } from './path-refusals.ts';
import { toSegments } from './path-segments.ts';
import { fromWindows } from './path-windows.ts';

/** Linux's PATH_MAX counts the NUL at the end. */
const MAX_PATH_BYTES = 4_095;
const MAX_SEGMENT_BYTES = 255;

/** Control characters, line separators, and what shows a name as another: bidirectional controls and zero widths. */
const UNSHOWABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what is looked for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u;
const DRIVE = /^[a-z]:/iu;

/**
 * The absolute POSIX path, without `.`, `..` and doubled slashes, that a client's text means; Windows paths by the mappings.
 * Only the text is looked at, nothing is expanded or decoded, and nothing is said about whether the path may be read.
 * Throws `invalid_path`, and `path_not_allowed` for a Windows path that no mapping covers.
 */
export const resolvePath = (text: string, mappings: readonly DriveMapping[]): string => {
  refuseCharacters(text);
  const segments = DRIVE.test(text) ? fromWindows(text, mappings) : fromPosix(text);
  const path = `/${segments.join('/')}`;
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw invalidPath(`The path is longer than ${MAX_PATH_BYTES} bytes.`);
  }
  if (segments.some((segment) => Buffer.byteLength(segment) > MAX_SEGMENT_BYTES)) {
    throw invalidPath(`A name in the path is longer than ${MAX_SEGMENT_BYTES} bytes.`);
  }
  return path;
};

const refuseCharacters = (text: string): void => {
  if (text.trim() === '') throw invalidPath('The path is empty; give an absolute one.');
  if (Buffer.byteLength(text) > MAX_PATH_BYTES) {
    throw invalidPath(`The path is longer than ${MAX_PATH_BYTES} bytes.`);
  }
  if (!text.isWellFormed() || UNSHOWABLE.test(text)) {
    throw invalidPath('The path contains control or invisible characters; rename the file or its directory.');
  }
};

const fromPosix = (text: string): readonly string[] => {
  const segments = toSegments(text.split('/'));
  if (/^\\|^\/\//u.test(text) || (text.startsWith('/') && segments[0]?.startsWith('\\'))) {
    throw invalidPath(
      'Network, device and drive-less Windows paths are not read; give the path with its drive.',
    );
  }
  if (!text.startsWith('/')) {
    throw invalidPath('The path is not absolute; give the whole of it, such as /mnt/project/report.pdf.');
  }
  return segments;
};
