/** Proves that the blob store suite catches what it is there for: stores with planted faults fail exactly the checks named. */
import { describe, expect, it } from 'vitest';
import { BlobAbortedError, type BlobStore } from '../../src/core/blob-store.ts';
import { openDiskBlobStore } from '../../src/staging/disk-blob-store.ts';
import { blobStoreChecks } from './blob-store-suite.ts';
import { directoryStoreStarter } from './blob-subject.ts';
import { failingIds } from './check.ts';
import { sha256 } from './recording-source.ts';

interface PlantedFault {
  readonly fault: string;
  readonly plant: (store: BlobStore) => BlobStore;
  readonly caughtBy: readonly string[];
}

const CARELESS: readonly PlantedFault[] = [
  {
    fault: 'an aborted blob passes for a short one',
    plant: (store) => ({
      ...store,
      read: async function* (key, range) {
        try {
          yield* store.read(key, range);
        } catch (error) {
          if (!(error instanceof BlobAbortedError)) throw error;
        }
      },
    }),
    caughtBy: ['BLB-02-abort', 'BLB-02-during-abort'],
  },
  {
    fault: 'the hash is not that of the bytes',
    plant: (store) => ({
      ...store,
      create: async (key) => {
        const writer = await store.create(key);
        return {
          write: (chunk) => writer.write(chunk),
          abort: () => writer.abort(),
          commit: async () => ({ ...(await writer.commit()), sha256: sha256(Buffer.from(key)) }),
        };
      },
    }),
    caughtBy: ['BLB-01-any-pieces', 'BLB-03-hash'],
  },
  {
    fault: 'keys are mended instead of refused',
    plant: (store) => ({
      ...store,
      remove: (key) => store.remove(/^[a-z0-9]{8,64}$/u.test(key) ? key : 'mended00'),
    }),
    caughtBy: ['BLB-05-hostile-keys'],
  },
  {
    fault: 'a key may be written again',
    plant: (store) => ({
      ...store,
      create: async (key) => {
        await store.remove(key).catch(() => undefined);
        return store.create(key);
      },
    }),
    caughtBy: ['BLB-05-once'],
  },
];

const STUBBORN: readonly PlantedFault[] = [
  {
    fault: 'a waiting reader does not hear its signal',
    plant: (store) => ({ ...store, read: (key, range) => store.read(key, { ...range, signal: undefined }) }),
    caughtBy: ['BLB-02-signal'],
  },
  {
    fault: 'a blob is read into memory before it is handed on',
    plant: (store) => ({
      ...store,
      read: async function* (key, range) {
        const pieces: Buffer[] = [];
        for await (const piece of store.read(key, range)) pieces.push(piece);
        yield* pieces;
      },
    }),
    caughtBy: ['BLB-01-while-growing', 'BLB-02-abort', 'BLB-06-memory'],
  },
  {
    fault: 'one byte too many is read',
    plant: (store) => ({
      ...store,
      read: (key, { end, ...range } = {}) =>
        store.read(key, end === undefined ? range : { ...range, end: end + 1 }),
    }),
    caughtBy: ['BLB-01-ranges', 'BLB-01-many-readers', 'BLB-01-end-in-sight'],
  },
  {
    fault: 'what is tracked is swept',
    plant: (store) => ({
      ...store,
      sweep: (isTracked) =>
        store.sweep(async (keys) => {
          await isTracked(keys);
          return new Set();
        }),
    }),
    caughtBy: ['BLB-07-sweep', 'BLB-07-crash'],
  },
  {
    fault: 'removing fails where there is nothing to remove',
    plant: (store) => ({
      ...store,
      remove: async (key) => {
        await store.read(key, { end: 1 })[Symbol.asyncIterator]().next();
        await store.remove(key);
      },
    }),
    caughtBy: ['BLB-04-remove'],
  },
];

describe.each([
  ['careless', CARELESS],
  ['stubborn', STUBBORN],
])('a %s store', (_, faults) => {
  it('fails the checks that are there to catch it, and no others', async () => {
    const open = async (directory: string): Promise<BlobStore> =>
      faults.reduce((store, { plant }) => plant(store), await openDiskBlobStore(directory));
    const caught = new Set(faults.flatMap(({ caughtBy }) => caughtBy));
    const failing = await failingIds(blobStoreChecks, directoryStoreStarter(open));
    expect(failing.toSorted()).toEqual([...caught].toSorted());
  });
});
