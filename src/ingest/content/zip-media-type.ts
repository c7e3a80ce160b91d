import { kindOfMediaType } from './kinds.ts';

const OPEN_XML = 'application/vnd.openxmlformats-officedocument';

/** Office documents by the directory of their parts (ECMA-376), with what they are when they have macros. */
const OFFICE = [
  ['word/', `${OPEN_XML}.wordprocessingml.document`, 'application/vnd.ms-word.document.macroenabled.12'],
  ['xl/', `${OPEN_XML}.spreadsheetml.sheet`, 'application/vnd.ms-excel.sheet.macroenabled.12'],
  [
    'ppt/',
    `${OPEN_XML}.presentationml.presentation`,
    'application/vnd.ms-powerpoint.presentation.macroenabled.12',
  ],
] as const;

/** Names that only a program's archive has. */
const PROGRAMS = [
  ['AndroidManifest.xml', 'application/vnd.android.package-archive'],
  ['META-INF/MANIFEST.MF', 'application/java-archive'],
  ['AppxManifest.xml', 'application/x-msi'],
] as const;

/** What a zip archive is, by the names in it and by the content of its entry `mimetype` (OCF 3.3, ODF 1.3). */
export const mediaTypeOfZip = (names: ReadonlySet<string>, mimetype: string | null): string => {
  const program = PROGRAMS.find(([name]) => names.has(name));
  if (program !== undefined) return program[1];
  if (names.has('[Content_Types].xml')) {
    for (const [directory, plain, withMacros] of OFFICE) {
      if (names.has(`${directory}vbaProject.bin`)) return withMacros;
      if ([...names].some((name) => name.startsWith(directory))) return plain;
    }
  }
  const kind = mimetype === null ? undefined : kindOfMediaType(mimetype);
  return kind?.family === 'zip' ? kind.mediaType : 'application/zip';
};
