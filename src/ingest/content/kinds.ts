/**
 * What may be brought, as data: `docs/content.md` shows this table, and a test compares them. Kinds of one family cannot be
 * told apart by their beginnings, or are commonly taken for each other; one named as another of its family is no mismatch.
 */

/**
 * `text` is told by being text. `zip`, `gzip` and `tar` unpack to something and are inspected whole. `single` has a magic
 * number of its own. `executable` is what a system runs when it is opened; source code is text.
 */
type Family =
  | 'text'
  | 'zip'
  | 'gzip'
  | 'tar'
  | 'compound'
  | 'heif'
  | 'mpeg-4'
  | 'matroska'
  | 'ogg'
  | 'mpeg'
  | 'single'
  | 'executable';

export interface Kind {
  /** The media type recorded. */
  readonly mediaType: string;
  readonly family: Family;
  readonly extensions: readonly string[];
  /** Other names for it, those of `file-type` among them. */
  readonly aliases: readonly string[];
  /** Unless ALLOWED_TYPES says otherwise. */
  readonly isAccepted: boolean;
}

const words = (text: string): string[] => text.split(/\s+/u).filter((word) => word !== '');

const of =
  (family: Family, isAccepted = true) =>
  (mediaType: string, extensions: string, aliases = ''): Kind => ({
    mediaType,
    family,
    extensions: words(extensions),
    aliases: words(aliases),
    isAccepted,
  });

const text = of('text');
const zip = of('zip');
const compound = of('compound');
const single = of('single');
const executable = of('executable', false);
const OPEN_XML = 'application/vnd.openxmlformats-officedocument';

export const kinds: readonly Kind[] = [
  text(
    'text/plain',
    `txt text log conf cfg ini env properties rst adoc org srt lock gitignore dockerfile makefile cmake gradle sql proto
     graphql rs swift kt kts scala lua pl pm r jl dart ex exs erl hs clj elm zig nim vue svelte vb fs f90 asm s ps1 psm1
     tf hcl nix m mm`,
  ),
  text('text/markdown', 'md markdown mdx', 'text/x-markdown'),
  text('text/csv', 'csv', 'application/csv'),
  text('text/tab-separated-values', 'tsv'),
  text('application/json', 'json ipynb geojson map webmanifest', 'text/json'),
  text('application/jsonl', 'jsonl ndjson', 'text/jsonl application/x-ndjson application/x-jsonlines'),
  text('application/xml', 'xml xsd xsl xslt rss atom plist wsdl', 'text/xml'),
  text('text/html', 'html htm xhtml jsp asp', 'application/xhtml+xml'),
  text('image/svg+xml', 'svg'),
  text('text/yaml', 'yaml yml', 'application/yaml application/x-yaml text/x-yaml'),
  text('application/toml', 'toml', 'text/toml'),
  text('application/rtf', 'rtf', 'text/rtf text/richtext'),
  text('text/css', 'css scss sass less'),
  text('text/javascript', 'js mjs cjs jsx', 'application/javascript application/x-javascript'),
  text('text/x-typescript', 'ts tsx mts cts', 'application/typescript text/typescript'),
  text('text/x-python', 'py py3 pyi', 'application/x-python-code text/x-script.python'),
  text('text/x-c', 'c h cc cpp cxx hpp hh', 'text/x-c++'),
  text('text/x-csharp', 'cs'),
  text('text/x-java', 'java', 'text/x-java-source'),
  text('text/x-golang', 'go', 'text/x-go'),
  text('text/x-ruby', 'rb'),
  text('text/x-php', 'php php3 phtml', 'application/x-httpd-php application/x-php'),
  text('application/x-sh', 'sh bash zsh fish', 'text/x-sh text/x-shellscript application/x-shellscript'),
  text('text/x-tex', 'tex latex bib', 'application/x-tex application/x-latex'),
  text('text/x-diff', 'diff patch'),
  text('text/calendar', 'ics'),
  text('text/vcard', 'vcf'),
  text('text/vtt', 'vtt'),
  text('message/rfc822', 'eml'),
  text('image/x-xbitmap', 'xbm'),

  single('application/pdf', 'pdf', 'application/x-pdf'),
  zip(`${OPEN_XML}.wordprocessingml.document`, 'docx'),
  zip(`${OPEN_XML}.spreadsheetml.sheet`, 'xlsx'),
  zip(`${OPEN_XML}.presentationml.presentation`, 'pptx'),
  zip('application/vnd.oasis.opendocument.text', 'odt'),
  zip('application/vnd.oasis.opendocument.spreadsheet', 'ods'),
  zip('application/vnd.oasis.opendocument.presentation', 'odp'),
  zip('application/epub+zip', 'epub'),
  compound('application/x-cfb', ''),
  compound('application/msword', 'doc'),
  compound('application/vnd.ms-excel', 'xls'),
  compound('application/vnd.ms-powerpoint', 'ppt pps'),
  compound('application/vnd.ms-outlook', 'msg'),
  single('application/x-mobipocket-ebook', 'mobi'),

  single('image/png', 'png apng', 'image/apng image/x-png'),
  single('image/jpeg', 'jpg jpeg jfif pjpeg pjp', 'image/jpg image/pjpeg'),
  single('image/gif', 'gif'),
  single('image/webp', 'webp'),
  single('image/bmp', 'bmp dib', 'image/x-ms-bmp image/x-bmp'),
  single('image/tiff', 'tif tiff'),
  single('image/vnd.microsoft.icon', 'ico', 'image/x-icon'),
  of('heif')('image/heic', 'heic', 'image/heic-sequence'),
  of('heif')('image/heif', 'heif', 'image/heif-sequence'),
  of('heif')('image/avif', 'avif', 'image/avif-sequence'),

  single('audio/mpeg', 'mp3 mpga', 'audio/mp3 audio/x-mp3 audio/mpeg3'),
  single('audio/wav', 'wav', 'audio/x-wav audio/wave audio/vnd.wave'),
  single('audio/flac', 'flac', 'audio/x-flac'),
  single('audio/aac', 'aac', 'audio/x-aac'),
  single('audio/aiff', 'aiff aif', 'audio/x-aiff'),
  single('audio/amr', 'amr'),
  of('mpeg-4')('audio/mp4', 'm4a', 'audio/x-m4a audio/m4a'),
  of('mpeg-4')('video/mp4', 'mp4 m4v', 'video/x-m4v application/mp4'),
  of('mpeg-4')('video/quicktime', 'mov'),
  of('mpeg-4')('video/3gpp', '3gp 3gpp 3g2', 'video/3gpp2 audio/3gpp'),
  of('matroska')('video/webm', 'webm', 'audio/webm'),
  of('matroska')('video/matroska', 'mkv mka', 'video/x-matroska audio/x-matroska'),
  of('ogg')('audio/ogg', 'ogg oga opus', 'audio/opus application/ogg'),
  of('ogg')('video/ogg', 'ogv'),
  of('mpeg')('video/mpeg', 'mpg mpeg', 'video/mp1s video/mp2p'),
  single('video/x-msvideo', 'avi', 'video/avi video/vnd.avi'),
  single('video/x-flv', 'flv'),
  single(
    'video/x-ms-wmv',
    'wmv asf wma',
    'video/x-ms-asf audio/x-ms-asf application/vnd.ms-asf audio/x-ms-wma',
  ),

  zip('application/zip', 'zip', 'application/x-zip-compressed application/x-zip'),
  of('gzip')('application/gzip', 'gz tgz svgz', 'application/x-gzip'),
  of('tar')('application/x-tar', 'tar', 'application/tar'),

  executable('application/x-msdownload', 'exe dll com scr pif sys ocx cpl drv', 'application/x-dosexec'),
  executable('application/x-elf', 'elf so o axf', 'application/x-executable application/x-sharedlib'),
  executable('application/x-mach-binary', 'dylib'),
  executable('application/java-vm', 'class', 'application/x-java-vm'),
  executable('application/java-archive', 'jar war ear', 'application/x-java-archive'),
  executable('application/vnd.android.package-archive', 'apk aab dex'),
  executable('application/wasm', 'wasm'),
  executable('application/x-msi', 'msi msp msix appx'),
  executable(
    'application/x-msdos-program',
    'bat cmd vbs vbe jse wsf wsh hta lnk',
    'application/x-bat application/hta',
  ),
  executable('application/vnd.debian.binary-package', 'deb', 'application/x-deb'),
  executable('application/x-rpm', 'rpm'),
  executable('application/x-apple-diskimage', 'dmg pkg'),
  executable('application/x-shockwave-flash', 'swf'),
];

const group = (keysOf: (kind: Kind) => readonly string[]): ReadonlyMap<string, Kind> =>
  new Map(kinds.flatMap((kind) => keysOf(kind).map((key) => [key, kind] as const)));

const byExtension = group(({ extensions }) => extensions);
const byMediaType = group(({ mediaType, aliases }) => [mediaType, ...aliases]);

/** The kind that an extension, in lower case, says. */
export const kindOfExtension = (extension: string): Kind | undefined => byExtension.get(extension);

/** The kind that a media type, in lower case and without parameters, says. */
export const kindOfMediaType = (mediaType: string): Kind | undefined => byMediaType.get(mediaType);
