import { existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BlobMissingError, type BlobRange, type BlobStore } from '../core/blob-store.ts';
import { systemCode } from '../core/errors.ts';
import { DiskBlobWriter } from './disk-blob-writer.ts';
import type { Growth } from './growth.ts';
import { createHasher } from './hasher.ts';

/** Large enough that system calls do not count, small enough for many readers at once. */
const READ_BYTES = 2 ** 20;
const SWEEP_BATCH = 1_000;
const KEY = /^[a-z0-9]{8,64}$/u;

/**
 * Blobs as files. A blob is written in `incoming/` and stays there, durable, until a record names it; `keep`
 * moves it to its shard of `kept/`. So what a crash leaves over is only ever in `incoming/`, and a start need
 * not look through everything kept. The caller makes sure that one process uses the directory.
 */
export const openDiskBlobStore = async (directory: string): Promise<BlobStore> => {
  const incoming = join(directory, 'incoming');
  const kept = join(directory, 'kept');
  await mkdir(incoming, { recursive: true, mode: 0o700 });
  await mkdir(kept, { recursive: true, mode: 0o700 });

  const hasher = createHasher();
  const growing = new Map<string, Growth>();
  const incomingPath = (key: string): string => join(incoming, checked(key));
  const keptPath = (key: string): string => join(kept, checked(key).slice(-2), key);

  /** A blob may move from `incoming` to `kept` between the two looks; the third look then finds it. */
  const openForReading = async (key: string): Promise<FileHandle> => {
    for (const path of [keptPath(key), incomingPath(key), keptPath(key)]) {
      const handle = await open(path, 'r').catch(ignoreMissing);
      if (handle !== undefined) return handle;
    }
    throw new BlobMissingError(`There is no blob ${key}.`);
  };

  const store: BlobStore = {
    create: async (key) => {
      const path = incomingPath(key);
      if (existsSync(keptPath(key))) throw new Error(`Blob ${key} has been written already.`);
      // `wx`: a key is written once, and a name planted by someone else is not followed.
      const handle = await open(path, 'wx', 0o600);
      const writer = new DiskBlobWriter({ path, handle, hash: hasher.follow(path), directory: incoming });
      growing.set(key, writer.growth);
      writer.onEnd(() => growing.delete(key));
      return writer;
    },
    read: (key, range = {}) =>
      readFollowing({ openFile: () => openForReading(key), growthOf: () => growing.get(key) }, range),
    keep: async (key) => {
      await mkdir(join(kept, checked(key).slice(-2)), { recursive: true, mode: 0o700 });
      await rename(incomingPath(key), keptPath(key)).catch(ignoreMissing);
    },
    remove: async (key) => {
      await rm(incomingPath(key), { force: true });
      await rm(keptPath(key), { force: true });
    },
    sweep: async (isTracked) => {
      const keys = (await readdir(incoming)).filter((key) => KEY.test(key) && !growing.has(key));
      let removed = 0;
      for (let from = 0; from < keys.length; from += SWEEP_BATCH) {
        const batch = keys.slice(from, from + SWEEP_BATCH);
        const tracked = await isTracked(batch);
        for (const key of batch) await (tracked.has(key) ? store.keep(key) : store.remove(key));
        removed += batch.filter((key) => !tracked.has(key)).length;
      }
      return removed;
    },
    close: () => hasher.close(),
  };
  return store;
};

interface Followed {
  readonly openFile: () => Promise<FileHandle>;
  readonly growthOf: () => Growth | undefined;
}

async function* readFollowing(
  { openFile, growthOf }: Followed,
  { start = 0, end = Number.POSITIVE_INFINITY, signal }: BlobRange,
): AsyncGenerator<Buffer> {
  signal?.throwIfAborted();
  const growthBefore = growthOf();
  const handle = await openFile();
  // Looked at on both sides, since writing may begin or end while the file is being opened.
  const growth = growthBefore ?? growthOf();
  try {
    let offset = start;
    let available = growth === undefined ? (await handle.stat()).size : 0;
    while (offset < end) {
      if (offset >= available && growth !== undefined) available = await growth.beyond(offset, signal);
      if (offset >= available) return;
      signal?.throwIfAborted();
      const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, end - offset, available - offset));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
      if (bytesRead === 0)
        throw new BlobMissingError('A blob is shorter on disk than it was when it was opened.');
      offset += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

const checked = (key: string): string => {
  if (!KEY.test(key)) throw new TypeError(`Not a blob key: ${JSON.stringify(key)}`);
  return key;
};

const ignoreMissing = (error: unknown): undefined => {
  if (systemCode(error) !== 'ENOENT') throw error;
};
