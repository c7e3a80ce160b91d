import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlobRange, BlobStore, BlobWriter } from '../../src/core/blob-store.ts';
import type { Check, Start } from './check.ts';
import { cut } from './recording-source.ts';

/** A store over a place of its own. */
interface BlobSubject {
  readonly store: BlobStore;
  /** A new store over the same place, as after a crash: whoever wrote to the old one never finishes. Closed with the subject. */
  readonly reopen: () => Promise<BlobStore>;
  /** The number of blobs that take up room, whether readable or not. */
  readonly countBlobs: () => Promise<number>;
}

export type BlobCheck = Check<BlobSubject, Record<never, never>>;
export type StartStore = Start<BlobSubject, Record<never, never>>;

/** How a test starts its store: `open` opens one over a directory. */
export const directoryStoreStarter =
  (open: (directory: string) => Promise<BlobStore>): StartStore =>
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'blob-store-'));
    const stores: BlobStore[] = [];
    const writers: BlobWriter[] = [];
    const reopen = async (): Promise<BlobStore> => {
      const store = await open(directory);
      stores.push(store);
      return notingWriters(store, writers);
    };
    return {
      store: await reopen(),
      reopen,
      countBlobs: async () => {
        const entries = await readdir(directory, { recursive: true, withFileTypes: true });
        return entries.filter((entry) => entry.isFile()).length;
      },
      close: async () => {
        for (const writer of writers) await writer.abort();
        for (const store of stores) await store.close();
        await rm(directory, { recursive: true, force: true });
      },
    };
  };

/** The store, noting whoever writes to it: a check that fails leaves writers behind, and readers that wait for them. */
export const notingWriters = (store: BlobStore, writers: BlobWriter[]): BlobStore => {
  const noted = async (begun: Promise<BlobWriter>): Promise<BlobWriter> => {
    const writer = await begun;
    writers.push(writer);
    return writer;
  };
  return {
    ...store,
    create: (key) => noted(store.create(key)),
    resume: (key) => noted(store.resume(key)),
  };
};

export const KEY = 'a1b2c3d4e5f60718';
export const OTHER_KEY = 'ffffffff00000000';

/** Writes a whole blob in pieces of that size. */
export const put = async (store: BlobStore, bytes: Buffer, { key = KEY, pieceBytes = 65_536 } = {}) => {
  const writer = await store.create(key);
  for (const piece of cut(bytes, pieceBytes)) await writer.write(piece);
  return writer.commit();
};

export const readAll = async (store: BlobStore, range?: BlobRange, key = KEY): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  for await (const piece of store.read(key, range)) pieces.push(piece);
  return Buffer.concat(pieces);
};
