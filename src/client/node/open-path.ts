import type { BigIntStats } from 'node:fs';
import { constants, type FileHandle, open, realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sourceChanged } from '../exactly.ts';
import type { OpenedSource } from '../opened-source.ts';

/** Fewer and larger reads than the default of 64 KB. */
const READ_BYTES = 512 * 1_024;
/** A pipe is not to be waited for; Windows has no such flag and no such pipes. */
const NO_WAIT = constants.O_NONBLOCK ?? 0;

/**
 * Opens a file once and sends what it is then: its bytes end with `source_changed` if they are no more those that it was
 * opened with. Rejects with the system's error, and with `TypeError` for what is no file.
 */
export const openPath = async (path: string | URL): Promise<OpenedSource> => {
  const name = typeof path === 'string' ? path : fileURLToPath(path);
  const handle = await open(name, constants.O_RDONLY | NO_WAIT);
  try {
    const found = await handle.stat({ bigint: true });
    if (!found.isFile()) throw notAFile(name, found);
    const realName = await realpath(name);
    const sizeBytes = Number(found.size);
    return {
      filename: basename(name),
      mediaType: null,
      identity: `path:${found.mtimeNs}:${realName}`,
      isRepeatable: true,
      sizeBytes,
      piece: async (offset) => ({
        sizeBytes: sizeBytes - offset,
        isLast: true,
        body: () => read(handle, offset, found),
      }),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
};

/** The last chunk is held back until nothing has changed: with it, the gateway would have a whole file. */
async function* read(handle: FileHandle, offset: number, opened: BigIntStats): AsyncGenerator<Uint8Array> {
  const { size: sizeBytes } = opened;
  let at = BigInt(offset);
  while (at < sizeBytes) {
    const { buffer, bytesRead } = await handle.read({
      buffer: new Uint8Array(READ_BYTES),
      position: at,
      length: Math.min(READ_BYTES, Number(sizeBytes - at)),
    });
    at += BigInt(bytesRead);
    const isLast = bytesRead === 0 || at >= sizeBytes;
    if (isLast && hasChanged(await handle.stat({ bigint: true }), opened)) throw sourceChanged();
    yield buffer.subarray(0, bytesRead);
    if (bytesRead === 0) return;
  }
}

const hasChanged = (now: BigIntStats, opened: BigIntStats): boolean =>
  now.size !== opened.size || now.mtimeNs !== opened.mtimeNs;

const notAFile = (name: string, found: BigIntStats): TypeError =>
  new TypeError(
    found.isDirectory()
      ? `${name} is a directory; give the files in it one by one.`
      : `${name} is no regular file; open it and give the stream.`,
  );
