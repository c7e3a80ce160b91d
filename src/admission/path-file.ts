import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { GatewayError } from '../core/errors.ts';

/** A regular file that is open for reading. Whoever opened it closes it. */
export interface LocalFile {
  /** Its last name, as it was asked for. */
  readonly name: string;
  readonly sizeBytes: number;
  /** The same as long as the file at this place is, with the same bytes; in another process too. */
  readonly identity: string;
  /** Exactly `sizeBytes` bytes, once. Rejects with `incomplete_body` at the end when the file was changed meanwhile. */
  readonly body: AsyncIterable<Buffer>;
  /**
   * The bytes `[start, end)`, as often as wanted. Rejects with `incomplete_body` before the last of them when the file has
   * been changed since it was opened, so that nobody has all the bytes of a file that never was.
   */
  open(start: number, end: number): AsyncIterable<Buffer>;
  /** Idempotent. */
  close(): Promise<void>;
}

const CHUNK_BYTES = 256 * 2 ** 10;
/** The coarsest step in which Linux stamps files: two writes within one look like one. */
const CLOCK_STEP_MS = 10n;

/** `path` is the real one. Takes the handle over, and closes it when it rejects. */
export const localFile = async (
  handle: FileHandle,
  { name, path }: { readonly name: string; readonly path: string },
): Promise<LocalFile> => {
  try {
    const before = await settledStat(handle);
    const sizeBytes = Number(before.size);
    return {
      name,
      sizeBytes,
      identity: identityOf(path, before),
      body: readWhole(handle, before),
      open: (start, end) => readPart(handle, before, { start, end: Math.min(end, sizeBytes) }),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
};

/** The state of the file, late enough that a later change shows in its stamps. */
const settledStat = async (handle: FileHandle): Promise<BigIntStats> => {
  const stat = await handle.stat({ bigint: true });
  if (BigInt(Date.now()) - stat.ctimeMs > CLOCK_STEP_MS) return stat;
  await pause(Number(CLOCK_STEP_MS));
  return handle.stat({ bigint: true });
};

const identityOf = (path: string, { dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  [path, dev, ino, size, mtimeNs, ctimeNs].join('\n');

async function* readWhole(handle: FileHandle, before: BigIntStats): AsyncGenerator<Buffer> {
  yield* read(handle, { start: 0, end: Number(before.size) });
  await refuseChanged(handle, before);
}

async function* readPart(handle: FileHandle, before: BigIntStats, range: Range): AsyncGenerator<Buffer> {
  let left = range.end - range.start;
  for await (const chunk of read(handle, range)) {
    left -= chunk.length;
    if (left === 0) await refuseChanged(handle, before);
    yield chunk;
  }
}

interface Range {
  readonly start: number;
  readonly end: number;
}

async function* read(handle: FileHandle, { start, end }: Range): AsyncGenerator<Buffer> {
  for (let position = start; position < end; ) {
    // Whoever takes a chunk may keep it, so none is used twice.
    const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, end - position));
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, position).catch(refuse);
    if (bytesRead === 0) return refuse();
    position += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}

const refuseChanged = async (handle: FileHandle, before: BigIntStats): Promise<void> => {
  const after = await handle.stat({ bigint: true }).catch(refuse);
  if (!isSame(before, after)) refuse();
};

const isSame = (before: BigIntStats, after: BigIntStats): boolean =>
  before.size === after.size && before.mtimeNs === after.mtimeNs && before.ctimeNs === after.ctimeNs;

const refuse = (cause?: unknown): never => {
  const message =
    'The file was changed while it was read; nothing was kept. Try again once nobody writes to it.';
  throw new GatewayError('incomplete_body', message, { param: 'path', cause });
};
