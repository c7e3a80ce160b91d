import { constants, createReadStream, openSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { basename, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { systemCode } from '../core/errors.ts';
import { CliError } from './cli-error.ts';
import type { Io } from './io.ts';

/** The bytes that one argument of `upload` names. */
export interface UploadSource {
  readonly filename: string;
  /** Null for what has no size beforehand: standard input, a pipe. */
  readonly sizeBytes: number | null;
  readonly open: () => Readable;
}

/** Fewer and larger reads than the default of 64 KB. */
const READ_BYTES = 512 * 1_024;

/** Rejects with `CliError` `unreadable`, or `usage` for standard input without a name. */
export const openSource = async (
  path: string,
  { filename, io }: { filename: string | undefined; io: Pick<Io, 'stdin'> },
): Promise<UploadSource> => {
  if (path === '-') {
    if (filename !== undefined) return { filename, sizeBytes: null, open: () => io.stdin };
    throw new CliError('usage', 'Standard input has no name; give one, for example --filename report.txt.');
  }
  const found = await stat(path).catch((error) => {
    throw unreadable(path, error);
  });
  if (found.isDirectory()) {
    throw new CliError('unreadable', `${path} is a directory; name the files in it, or pack it into one.`);
  }
  return {
    filename: filename ?? basename(resolve(path)),
    sizeBytes: found.isFile() ? found.size : null,
    open: () => (found.isFIFO() ? openPipe(path) : createReadStream(path, { highWaterMark: READ_BYTES })),
  };
};

/** Read as a socket is: a thread that waits for a file's bytes cannot be called off, and keeps the process when it is to end. */
const openPipe = (path: string): Readable =>
  new Socket({
    fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
    readable: true,
    writable: false,
  });

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist; check the path',
  ENOTDIR: 'does not exist; check the path',
  EACCES: 'may not be read by you; check its permissions',
  EPERM: 'may not be read by you; check its permissions',
};

/** What reading a path failed with, as a sentence. */
export const unreadable = (path: string, cause: unknown): CliError => {
  const code = systemCode(cause) ?? 'unknown error';
  return new CliError(
    'unreadable',
    `${path} ${REASONS[code] ?? `cannot be read (${code}); check the disk`}.`,
    { cause },
  );
};
