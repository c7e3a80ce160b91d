import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { ContentCoding } from './content-coding.ts';

export interface ConsoleFile {
  readonly mediaType: string;
  /** Weak, since it stands for the content in whatever coding. */
  readonly etag: string;
  /** What can be compressed is, once for each coding. */
  readonly isText: boolean;
  encoded(coding: ContentCoding): Promise<Buffer>;
}

export interface ConsoleFiles {
  /** The page, or the picture beside it, as it is now; null where no build is. */
  top(name: 'index.html' | 'mark.svg'): Promise<ConsoleFile | null>;
  /** A file whose name changes with its content. Null: there is none. */
  asset(name: string): Promise<ConsoleFile | null>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
/** One segment, so that it cannot lead out of the folder. */
const ASSET_NAME = /^[\w-][\w.-]{0,120}$/u;
/** The best that takes no noticeable time: the highest, 11, takes a second for 5% less. */
const BROTLI_QUALITY = 9;

const compress = {
  br: promisify(brotliCompress),
  gzip: promisify(gzip),
};

/**
 * The console as it was built. Looked for at each request and not at the start, so that a gateway that is running finds a
 * new build; what was read is kept, so that a page opened before it still finds its parts.
 */
export const openConsoleFiles = (directory = builtConsole()): ConsoleFiles => {
  const assets = new Map<string, ConsoleFile>();
  const tops = new Map<string, ConsoleFile>();
  return {
    top: async (name) => {
      const content = await readIfThere(join(directory, name));
      const known = tops.get(name) ?? null;
      if (content === null || known?.etag === tagOf(content)) return known;
      const file = toFile(name, content);
      tops.set(name, file);
      return file;
    },
    asset: async (name) => {
      const known = assets.get(name);
      if (known !== undefined) return known;
      if (!ASSET_NAME.test(name) || !(extname(name) in TYPES)) return null;
      const content = await readIfThere(join(directory, 'assets', name));
      if (content === null) return null;
      const file = toFile(name, content);
      assets.set(name, file);
      return file;
    },
  };
};

const toFile = (name: string, content: Buffer): ConsoleFile => {
  const isText = extname(name) !== '.woff2';
  const encodings = new Map<ContentCoding, Promise<Buffer>>();
  const encode = (coding: ContentCoding): Promise<Buffer> => {
    if (coding === 'br')
      return compress.br(content, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } });
    return coding === 'gzip' ? compress.gzip(content) : Promise.resolve(content);
  };
  return {
    mediaType: TYPES[extname(name)] ?? 'application/octet-stream',
    etag: tagOf(content),
    isText,
    encoded: (coding) => {
      const encoding = encodings.get(coding) ?? encode(coding);
      encodings.set(coding, encoding);
      return encoding;
    },
  };
};

const tagOf = (content: Buffer): string =>
  `W/"${createHash('sha256').update(content).digest('base64url').slice(0, 27)}"`;

const readIfThere = async (path: string): Promise<Buffer | null> => {
  try {
    return await readFile(path);
  } catch {
    return null;
  }
};

/** From `src/http` and from `dist/src/http` it is not equally far to the package. */
const builtConsole = (): string => {
  const [near, far] = ['../..', '../../..'].map((path) => join(import.meta.dirname, path));
  return join((existsSync(join(near ?? '', 'package.json')) ? near : far) ?? '', 'dist/console');
};
