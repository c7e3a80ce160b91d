import { constants, existsSync } from 'node:fs';
import { copyFile, type FileHandle, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BlobAbortedError, BlobMissingError, type BlobStore, type BlobWriter } from '../core/blob-store.ts';
import { systemCode } from '../core/errors.ts';
import { checkedKey, isBlobKey } from './blob-key.ts';
import { type BlobEnd, DiskBlobWriter } from './disk-blob-writer.ts';
import { Growth } from './growth.ts';
import { createHasher } from './hasher.ts';
import { MARK_SUFFIX, readMark, removeMark } from './probation-mark.ts';
import { readFollowing } from './read-following.ts';
import { shareSync } from './share-sync.ts';
import { createSyncAhead } from './sync-ahead.ts';

const SWEEP_BATCH = 1_000;
/** What is ours is never a link; one that was planted is not followed. */
const { O_RDONLY, O_RDWR, O_NOFOLLOW } = constants;

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
  const incomingHandle = await open(incoming, O_RDONLY);

  const hasher = createHasher();
  const syncDirectory = shareSync(() => incomingHandle.sync());
  const syncAhead = createSyncAhead();
  const growing = new Map<string, Growth>();
  const suspended = new Set<string>();
  /** What is in `incoming/`: to ask the directory would mean to wait for whoever is making or moving a file in it. */
  const unkept = new Set((await readdir(incoming)).map(keyOfName));
  const shards = new Set<string>();
  const incomingPath = (key: string): string => join(incoming, checkedKey(key));
  const keptPath = (key: string): string => join(kept, shardOf(key), key);

  /** A blob may move from `incoming` to `kept` between the two looks; the third look then finds it. */
  const firstOf = async <Found>(key: string, look: (path: string) => Promise<Found>): Promise<Found> => {
    for (const path of [keptPath(key), incomingPath(key), keptPath(key)]) {
      const found = await look(path).catch(ignoreMissing);
      if (found !== undefined) return found;
    }
    throw new BlobMissingError(`There is no blob ${key}.`);
  };

  const refuseUsed = (key: string): void => {
    if (growing.has(key)) throw new Error(`Blob ${key} is being written.`);
    if (unkept.has(checkedKey(key)) || existsSync(keptPath(key)))
      throw new Error(`Blob ${key} has been written already.`);
  };

  /** Begins to grow at once, so that of two at the same time one is refused. */
  const grow = (key: string, resumed?: { handle: FileHandle; sizeBytes: number }): BlobWriter => {
    const growth = growing.get(key) ?? new Growth();
    growing.set(key, growth);
    suspended.delete(key);
    const onEnd = (end: BlobEnd): void => {
      growing.delete(key);
      if (end !== 'aborted') unkept.add(key);
      if (end === 'suspended') suspended.add(key);
    };
    const path = incomingPath(key);
    const common = { path, growth, hasher, syncDirectory, syncAhead, onEnd };
    return new DiskBlobWriter(resumed === undefined ? common : { ...common, resumed });
  };

  const store: BlobStore = {
    create: async (key) => {
      refuseUsed(key);
      return grow(key);
    },
    resume: async (key) => {
      const path = incomingPath(key);
      if (growing.has(key)) throw new Error(`Blob ${key} is being written.`);
      const growth = new Growth();
      growing.set(key, growth);
      try {
        return grow(key, await openAccepted(path));
      } catch (error) {
        growing.delete(key);
        growth.fail();
        throw error;
      }
    },
    copy: async (key, newKey) => {
      const target = incomingPath(newKey);
      refuseUsed(newKey);
      if (growing.has(checkedKey(key)) || suspended.has(key)) throw new Error(`Blob ${key} is not complete.`);
      await firstOf(key, (path) => linkOrCopy(path, target));
      unkept.add(newKey);
      await syncDirectory();
    },
    read: (key, range = {}) =>
      readFollowing(
        {
          open: () => firstOf(key, (path) => open(path, O_RDONLY | O_NOFOLLOW)),
          growthOf: () => {
            if (suspended.has(key)) throw new BlobAbortedError(`Blob ${key} is suspended.`);
            return growing.get(key);
          },
        },
        range,
      ),
    keep: async (key) => {
      const shard = shardOf(key);
      if (!shards.has(shard)) await mkdir(join(kept, shard), { recursive: true, mode: 0o700 });
      shards.add(shard);
      await rename(incomingPath(key), keptPath(key)).catch(ignoreMissing);
      unkept.delete(key);
    },
    remove: async (key) => {
      await rm(incomingPath(key), { force: true });
      await removeMark(incomingPath(key));
      await rm(keptPath(key), { force: true });
      suspended.delete(key);
      unkept.delete(key);
    },
    sweep: async (fatesOf, { minAgeMs = 0 } = {}) => {
      const names = await readdir(incoming);
      const keys = [...new Set(names.map(keyOfName))].filter((key) => isBlobKey(key) && !growing.has(key));
      let removed = 0;
      for (let from = 0; from < keys.length; from += SWEEP_BATCH) {
        const slice = keys.slice(from, from + SWEEP_BATCH);
        const batch =
          minAgeMs === 0
            ? slice
            : await oldOnes(
                slice.map((key) => [key, incomingPath(key)]),
                minAgeMs,
              );
        const fates = await fatesOf(batch);
        for (const key of batch) {
          const fate = fates.get(key);
          if (fate === 'kept') await store.keep(key);
          if (fate === undefined) await store.remove(key);
        }
        removed += batch.filter((key) => !fates.has(key)).length;
      }
      return removed;
    },
    shared: null,
    close: async () => {
      await incomingHandle.close();
      await hasher.close();
    },
  };
  return store;
};

/** Those of the blobs whose files are there and have not changed for so long. */
const oldOnes = async (
  blobs: readonly (readonly [key: string, path: string])[],
  minAgeMs: number,
): Promise<string[]> => {
  const old = await Promise.all(
    blobs.map(async ([key, path]) => {
      const { mtimeMs } = (await stat(path).catch(ignoreMissing)) ?? { mtimeMs: Number.POSITIVE_INFINITY };
      return Date.now() - mtimeMs >= minAgeMs ? key : [];
    }),
  );
  return old.flat();
};

/** Opens a blob to go on with, without what was on probation when its process died. */
const openAccepted = async (path: string): Promise<{ handle: FileHandle; sizeBytes: number }> => {
  const handle = await open(path, O_RDWR | O_NOFOLLOW).catch(ignoreMissing);
  if (handle === undefined) throw new BlobMissingError('There is no blob to go on with under this key.');
  try {
    const acceptedBytes = await readMark(path);
    if (acceptedBytes !== null) {
      await handle.truncate(acceptedBytes);
      await handle.datasync();
    }
    await removeMark(path);
    const { size: sizeBytes } = await handle.stat();
    return { handle, sizeBytes };
  } catch (error) {
    await handle.close();
    throw error;
  }
};

/** What a file system says that has no links, or none left for this file. */
const NO_LINK = new Set(['EMLINK', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

const linkOrCopy = async (path: string, target: string): Promise<true> => {
  try {
    await link(path, target);
  } catch (error) {
    if (!NO_LINK.has(systemCode(error) ?? '')) throw error;
    await copyWhole(path, target);
  }
  return true;
};

const copyWhole = async (path: string, target: string): Promise<void> => {
  try {
    await copyFile(path, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    const handle = await open(target, O_RDWR);
    await handle.sync().finally(() => handle.close());
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') await rm(target, { force: true });
    throw error;
  }
};

/** Of a blob's file, or of the mark beside it. */
const keyOfName = (name: string): string => name.replace(MARK_SUFFIX, '');

const shardOf = (key: string): string => checkedKey(key).slice(-2);

const ignoreMissing = (error: unknown): undefined => {
  if (systemCode(error) !== 'ENOENT') throw error;
};
