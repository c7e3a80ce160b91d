import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { Busboy, type BusboyInstance } from '@fastify/busboy';

/** How a fault changes the reading of a request body. */
export interface BodyBehaviour {
  readonly bytesPerSecond?: number;
  /** The connection is reset after this many bytes, or at the end of a shorter body. */
  readonly resetAfterBytes?: number;
}

/** The `file` part of an upload, its bytes at `path` (up to the given cap: `bytes` goes on counting). */
export interface ReceivedFile {
  readonly path: string;
  readonly filename: string;
  readonly mediaType: string;
  readonly bytes: number;
  readonly sha256: string;
  /** True for a file of one byte value over and over, in which providers find no content. */
  readonly isOneByteRepeated: boolean;
}

/** A request body read to its end: the parts of a form, or why it is none. */
export type ReceivedUpload =
  | {
      readonly kind: 'form';
      readonly file: ReceivedFile | null;
      readonly fields: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'unreadable'; readonly reason: string };

export interface BodyReading {
  readonly request: IncomingMessage;
  readonly behaviour: BodyBehaviour;
  /** Hears of every piece as it is read. */
  readonly onBytes: (sizeBytes: number) => void;
  readonly signal: AbortSignal;
}

/** Where the `file` part of an upload goes, and how it is read. */
export interface UploadTarget {
  readonly path: string;
  readonly capBytes: number;
  /** Leaves directories in the file name; by default it is cut to its last component. */
  readonly keepPath?: boolean;
  /** Name of the part in the form; `file` when left out. */
  readonly field?: string;
}

/** Reads the body to its end and forgets it. Rejects when the client hangs up first. */
export const discardBody = (reading: BodyReading): Promise<void> => readBody(reading, () => undefined);

/**
 * Reads a multipart body to its end, streaming its `file` part to `path`. The caller owns the file at `path`
 * afterwards; it is gone already when the result is `unreadable`. Rejects, with nothing left at `path`, when the
 * client hangs up first.
 */
export const readUpload = async (reading: BodyReading, target: UploadTarget): Promise<ReceivedUpload> => {
  const form = openForm(reading.request, target);
  if (form === null) {
    await discardBody(reading);
    return { kind: 'unreadable', reason: 'the body is not multipart/form-data' };
  }
  try {
    await readBody(reading, form.write);
    return { kind: 'form', ...(await form.end()) };
  } catch (error) {
    await form.abandon();
    if (!(error instanceof UnreadableForm)) throw error;
    // The answer can only be read by a client that may finish sending.
    await readBody(reading, () => undefined);
    return { kind: 'unreadable', reason: error.message };
  }
};

class UnreadableForm extends Error {
  override readonly name = 'UnreadableForm';
}

export type Sink = (chunk: Buffer) => Promise<void> | undefined;

/**
 * Reads the body to its end, piece by piece into `sink`, which is waited for. Rejects when the client hangs up first or
 * the sink fails, and then leaves the rest unread.
 */
export const readBody = async (
  { request, behaviour, onBytes, signal }: BodyReading,
  sink: Sink,
): Promise<void> => {
  const { bytesPerSecond, resetAfterBytes } = behaviour;
  let readBytes = 0;
  // Leaving the loop early must not destroy the request: its rest is read afterwards.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    if (bytesPerSecond !== undefined) {
      await wait((chunk.length / bytesPerSecond) * 1_000, undefined, { signal });
    }
    readBytes += chunk.length;
    onBytes(chunk.length);
    if (resetAfterBytes !== undefined && readBytes >= resetAfterBytes) break;
    await sink(chunk);
  }
  if (resetAfterBytes === undefined) return;
  request.socket.resetAndDestroy();
  throw new Error('connection reset by a fault');
};

interface Form {
  write: Sink;
  end(): Promise<{ file: ReceivedFile | null; fields: ReadonlyMap<string, string> }>;
  abandon(): Promise<void>;
}

// Bigger pieces than Node's default save turns of the event loop; memory stays flat.
const FILE_BUFFER_BYTES = 262_144;

const openForm = (
  request: IncomingMessage,
  { path, capBytes, keepPath = false, field = 'file' }: UploadTarget,
): Form | null => {
  const parser = createParser(request, keepPath);
  if (parser === null) return null;
  const fields = new Map<string, string>();
  const failed = new AbortController();
  const fail = (error: unknown): void => failed.abort(error);
  const parts: Readable[] = [];
  let saved: Promise<ReceivedFile> | null = null;

  parser.on('error', (error) =>
    fail(new UnreadableForm(error instanceof Error ? error.message : String(error))),
  );
  parser.on('field', (name, value) => fields.set(name, value));
  parser.on('file', (name, stream, filename, _encoding, mediaType) => {
    parts.push(stream);
    if (name !== field || saved !== null) {
      stream.on('error', fail).resume();
      return;
    }
    saved = saveFile(stream, { path, capBytes }).then((file) => ({
      ...file,
      filename: filename ?? '',
      mediaType,
    }));
    saved.catch(fail);
  });
  const finished = once(parser, 'finish', { signal: failed.signal });
  finished.catch(fail);

  const untilFailed = async <T>(step: Promise<T>): Promise<T> => {
    try {
      return await step;
    } catch (error) {
      throw failed.signal.reason ?? error;
    }
  };
  return {
    write: (chunk) => {
      failed.signal.throwIfAborted();
      if (parser.write(chunk)) return undefined;
      return untilFailed(once(parser, 'drain', { signal: failed.signal }).then(() => undefined));
    },
    end: async () => {
      parser.end();
      await untilFailed(finished);
      return { file: await saved, fields };
    },
    abandon: async () => {
      const reason = new Error('the reading of the form was given up');
      fail(reason);
      for (const part of parts) part.destroy(reason);
      parser.destroy();
      await saved?.catch(() => undefined);
      await rm(path, { force: true });
    },
  };
};

const createParser = (request: IncomingMessage, preservePath: boolean): BusboyInstance | null => {
  const contentType = request.headers['content-type'];
  if (contentType === undefined || !/^multipart\/form-data/i.test(contentType)) return null;
  try {
    return new Busboy({
      headers: { ...request.headers, 'content-type': contentType },
      fileHwm: FILE_BUFFER_BYTES,
      preservePath,
      limits: { fields: 50, files: 10, parts: 60, fieldSize: 65_536 },
    });
  } catch {
    return null;
  }
};

const saveFile = async (
  stream: Readable,
  { path, capBytes }: { path: string; capBytes: number },
): Promise<Omit<ReceivedFile, 'filename' | 'mediaType'>> => {
  const hash = createHash('sha256');
  let bytes = 0;
  let only: number | null | undefined;
  const measure = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (only === undefined) only = chunk[0];
      if (only !== null && !isOnly(chunk, only)) only = null;
      if (bytes > capBytes) continue;
      hash.update(chunk);
      yield chunk;
    }
  };
  await pipeline(stream, measure, createWriteStream(path, { highWaterMark: FILE_BUFFER_BYTES }));
  return { path, bytes, sha256: hash.digest('hex'), isOneByteRepeated: typeof only === 'number' };
};

// A run of one value equals itself moved by one; the comparison is native and ends at the first difference.
const isOnly = (chunk: Buffer, value: number | undefined): boolean =>
  chunk[0] === value && chunk.subarray(1).equals(chunk.subarray(0, -1));
