import { constants, createReadStream, openSync, type Stats } from 'node:fs';
import { Socket } from 'node:net';
import { basename, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { CliError } from './cli-error.ts';
import type { Io } from './io.ts';

/** The bytes of one file that `upload` sends. */
export interface FileToUpload {
  /** As it was given or found. */
  readonly path: string;
  readonly filename: string;
  /** Null for what has no size beforehand and can be read only once: standard input, a pipe. */
  readonly sizeBytes: number | null;
  /** Null for what is not at a path. */
  readonly found: Stats | null;
  readonly open: () => Readable;
}

/** Fewer and larger reads than the default of 64 KB. */
const READ_BYTES = 512 * 1_024;

/** Throws `CliError` `usage` without a name. */
export const fromInput = (io: Pick<Io, 'stdin'>, filename: string | undefined): FileToUpload => {
  if (filename !== undefined)
    return { path: '-', filename, sizeBytes: null, found: null, open: () => io.stdin };
  throw new CliError('usage', 'Standard input has no name; give one, for example --filename report.txt.');
};

/** What is at a path, which was `found` to be no directory. */
export const fromPath = (path: string, found: Stats, filename: string | undefined): FileToUpload => ({
  path,
  filename: filename ?? basename(resolve(path)),
  sizeBytes: found.isFile() ? found.size : null,
  found,
  open: () => (found.isFIFO() ? openPipe(path) : createReadStream(path, { highWaterMark: READ_BYTES })),
});

/** Read as a socket is: a thread that waits for a file's bytes cannot be called off, and keeps the process when it is to end. */
const openPipe = (path: string): Readable =>
  new Socket({
    fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
    readable: true,
    writable: false,
  });
