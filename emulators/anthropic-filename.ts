/** What the file is called, or why the name is refused. */
export type NamedFile = { readonly filename: string } | { readonly problem: string };

/** Anthropic's beta takes a name as it is or not at all: 1 to 255 characters, none of them forbidden. */
export const strictName = (filename: string): NamedFile => {
  const { length } = [...filename];
  if (length === 0 || length > MAX_NAME_CHARACTERS) {
    return { problem: `filename: must be 1 to ${MAX_NAME_CHARACTERS} characters` };
  }
  return FORBIDDEN.test(filename) ? { problem: 'filename: contains forbidden characters' } : { filename };
};

/** Anthropic's general availability keeps the last path component, and names what has none. */
export const lastComponent = (filename: string, mediaType: string): NamedFile => {
  const name = filename.split(/[/\\]/).at(-1)?.trim() ?? '';
  const isEmpty = name === '' || name === '.' || name === '..';
  return { filename: isEmpty ? `unnamed${EXTENSIONS[mediaType] ?? ''}` : name };
};

const MAX_NAME_CHARACTERS = 255;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what the rule forbids
const FORBIDDEN = /[<>:"|?*\\/\u0000-\u001f\u007f]/;

// The documents name no list; these are the types they use as examples.
const EXTENSIONS: Readonly<Record<string, string>> = {
  'application/json': '.json',
  'application/pdf': '.pdf',
  'image/gif': '.gif',
  'image/jpeg': '.jpg',
  'image/png': '.png',
  'image/webp': '.webp',
  'text/csv': '.csv',
  'text/markdown': '.md',
  'text/plain': '.txt',
};
