import type { DriveMapping } from '../platform/variables.ts';
import { invalidPath, pathNotAllowed } from './path-refusals.ts';
import { toSegments } from './path-segments.ts';

const SEPARATORS = /[/\\]+/u;
/** Names that Windows gives to devices in every directory and with any extension (Microsoft, "Naming Files, Paths, and Namespaces"). */
const DEVICE = /^(?:con|prn|aux|nul|clock\$|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)/iu;
/** `PROGRA~1`: a second name, which Windows makes for a long one. */
const SHORT_NAME = /^[^.]*~\d+(?:\.|$)/u;
/** The colon is that of alternate data streams. */
const FORBIDDEN = /[<>:"|?*]/u;

/**
 * The segments of our path for a text that begins with a drive. `..` is resolved first and stops at the drive; then the
 * longest mapping wins, whose names match in any case; the rest keeps its case. Throws `invalid_path` for what Windows
 * would read as something else than a file of that name, and `path_not_allowed` where no mapping covers it.
 */
export const fromWindows = (text: string, mappings: readonly DriveMapping[]): readonly string[] => {
  const [drive = '', ...written] = text.split(SEPARATORS);
  if (drive.length > 2 || text.length === 2) {
    throw invalidPath(
      'The path does not say where on the drive; give the whole of it, such as C:\\Project\\a.pdf.',
    );
  }
  for (const segment of written) refuseSegment(segment);
  const segments = [drive, ...toSegments(written)];
  const covering = mappings
    .map(({ windows, posix }) => ({ windows: windows.split(SEPARATORS).filter(Boolean), posix }))
    .filter(({ windows }) => windows.every((segment, i) => isSameName(segment, segments[i])))
    .sort((a, b) => b.windows.length - a.windows.length)
    .at(0);
  if (covering === undefined) throw pathNotAllowed();
  return [...toSegments(covering.posix.split('/')), ...segments.slice(covering.windows.length)];
};

const refuseSegment = (segment: string): void => {
  if (segment === '.' || segment === '..') return;
  if (FORBIDDEN.test(segment))
    throw invalidPath('No name in a Windows path has one of the characters < > : " | ? *');
  if (/[. ]$/u.test(segment)) throw invalidPath('No name in a Windows path ends with a dot or a blank.');
  if (DEVICE.test(segment)) throw invalidPath('The path names a device of Windows.');
  if (SHORT_NAME.test(segment))
    throw invalidPath('Short names such as PROGRA~1 are not read; give the long name.');
};

/** In one case and in the other, or signs that only resemble a letter would match. */
const isSameName = (a: string, b: string | undefined): boolean =>
  b !== undefined && a.toLowerCase() === b.toLowerCase() && a.toUpperCase() === b.toUpperCase();
