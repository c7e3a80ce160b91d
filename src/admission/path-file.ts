import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { GatewayError } from '../core/errors.ts';

/** A regular file that is open for reading. Whoever opened it closes it. */
export interface LocalFile {
  /** Its last name, as it was asked for. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Exactly `sizeBytes` bytes, once. Rejects with `incomplete_body` at the end when the file was changed meanwhile. */
  readonly body: AsyncIterable<Buffer>;
  /** Idempotent. */
  close(): Promise<void>;
}

const CHUNK_BYTES = 256 * 2 ** 10;
/** The coarsest step in which Linux stamps files: two writes within one look like one. */
const CLOCK_STEP_MS = 10n;

/** Takes the handle over, and closes it when it rejects. */
export const localFile = async (handle: FileHandle, name: string): Promise<LocalFile> => {
  try {
    const before = await settledStat(handle);
    return {
      name,
      sizeBytes: Number(before.size),
      body: read(handle, before),
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

async function* read(handle: FileHandle, before: BigIntStats): AsyncGenerator<Buffer> {
  const sizeBytes = Number(before.size);
  for (let position = 0; position < sizeBytes; ) {
    // Whoever takes a chunk may keep it, so none is used twice.
    const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, sizeBytes - position));
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, position).catch(refuse);
    if (bytesRead === 0) return refuse();
    position += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
  const after = await handle.stat({ bigint: true }).catch(refuse);
  if (!isSame(before, after)) refuse();
}

const isSame = (before: BigIntStats, after: BigIntStats): boolean =>
  before.size === after.size && before.mtimeNs === after.mtimeNs && before.ctimeNs === after.ctimeNs;

const refuse = (cause?: unknown): never => {
  const message =
    'The file was changed while it was read; nothing was kept. Try again once nobody writes to it.';
  throw new GatewayError('incomplete_body', message, { param: 'path', cause });
};
