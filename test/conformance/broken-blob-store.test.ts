/** Proves that the blob store suite catches what it is there for: stores with planted faults fail exactly the checks named. */
import { describe, expect, it } from 'vitest';
import {
  BlobAbortedError,
  BlobMissingError,
  type BlobStore,
  type BlobWriter,
} from '../../src/core/blob-store.ts';
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

/** The writer with some of its methods replaced. */
const changed = (writer: BlobWriter, changes: Partial<BlobWriter>): BlobWriter => ({
  get sizeBytes() {
    return writer.sizeBytes;
  },
  write: (chunk) => writer.write(chunk),
  flush: () => writer.flush(),
  startProbation: () => writer.startProbation(),
  accept: () => writer.accept(),
  takeBack: () => writer.takeBack(),
  suspend: () => writer.suspend(),
  commit: () => writer.commit(),
  abort: () => writer.abort(),
  ...changes,
});

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
    caughtBy: ['BLB-02-abort', 'BLB-02-during-abort', 'BLB-08-readers'],
  },
  {
    fault: 'the hash is not that of the bytes',
    plant: (store) => ({
      ...store,
      create: async (key) => {
        const writer = await store.create(key);
        return changed(writer, {
          commit: async () => ({ ...(await writer.commit()), sha256: sha256(Buffer.from(key)) }),
        });
      },
    }),
    caughtBy: ['BLB-01-any-pieces', 'BLB-03-hash', 'BLB-09-take-back', 'BLB-09-unseen'],
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
    caughtBy: ['BLB-05-once', 'BLB-08-one-writer'],
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
    caughtBy: [
      'BLB-01-ranges',
      'BLB-01-many-readers',
      'BLB-01-end-in-sight',
      'BLB-08-readers',
      'BLB-09-unseen',
    ],
  },
  {
    fault: 'what is tracked is swept',
    plant: (store) => ({
      ...store,
      sweep: (fatesOf) =>
        store.sweep(async (keys) => {
          await fatesOf(keys);
          return new Map();
        }),
    }),
    caughtBy: ['BLB-07-sweep', 'BLB-07-crash', 'BLB-07-fates', 'BLB-10-swept'],
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
    caughtBy: ['BLB-04-remove', 'BLB-08-missing', 'BLB-10-refused'],
  },
];

/** The store, with its writers changed, made and resumed. */
const withWriters = (
  store: BlobStore,
  change: (writer: BlobWriter, key: string) => BlobWriter,
): BlobStore => ({
  ...store,
  create: async (key) => change(await store.create(key), key),
  resume: async (key) => change(await store.resume(key), key),
});

const FORGETFUL: readonly PlantedFault[] = [
  {
    fault: 'an upload still coming in is swept like a file',
    plant: (store) => ({
      ...store,
      sweep: (fatesOf) =>
        store.sweep(async (keys) => {
          const fates = await fatesOf(keys);
          return new Map([...fates].map(([key]) => [key, 'kept'] as const));
        }),
    }),
    caughtBy: ['BLB-07-fates'],
  },
  {
    fault: 'a resumed blob counts from nothing',
    plant: (store) => ({
      ...store,
      resume: async (key) => {
        const writer = await store.resume(key);
        const before = writer.sizeBytes;
        return Object.defineProperty(changed(writer, {}), 'sizeBytes', {
          get: () => writer.sizeBytes - before,
        });
      },
    }),
    caughtBy: [
      'BLB-08-goes-on',
      'BLB-08-one-writer',
      'BLB-08-death',
      'BLB-09-suspended',
      'BLB-09-accepted-stays',
    ],
  },
  {
    fault: 'a copy is another name only',
    plant: (store) => {
      const first = new Map<string, string>();
      return {
        ...store,
        copy: async (key, newKey) => {
          for await (const _ of store.read(key, { end: 1 }));
          first.set(newKey, first.get(key) ?? key);
        },
        read: (key, range) => store.read(first.get(key) ?? key, range),
      };
    },
    caughtBy: ['BLB-10-outlives', 'BLB-10-refused', 'BLB-10-swept'],
  },
];

const HASTY: readonly PlantedFault[] = [
  {
    fault: 'a flush is over before anything is on disk',
    plant: (store) => withWriters(store, (writer) => changed(writer, { flush: async () => undefined })),
    caughtBy: ['BLB-07-sweep', 'BLB-08-death'],
  },
  {
    fault: 'what is missing is begun instead of resumed',
    plant: (store) => ({
      ...store,
      resume: (key) =>
        store.resume(key).catch((error: unknown) => {
          if (!(error instanceof BlobMissingError)) throw error;
          return store.create(key);
        }),
    }),
    caughtBy: ['BLB-08-missing'],
  },
  {
    fault: 'everything is accepted, asked or not',
    plant: (store) =>
      withWriters(store, (writer) =>
        changed(writer, { startProbation: () => writer.flush(), takeBack: async () => undefined }),
      ),
    caughtBy: ['BLB-09-unseen', 'BLB-09-take-back', 'BLB-09-suspended', 'BLB-09-no-trace'],
  },
  {
    fault: 'a copy is kept before anybody names it, whatever was there',
    plant: (store) => ({
      ...store,
      copy: async (key, newKey) => {
        await store.remove(newKey);
        await store.copy(key, newKey);
        await store.keep(newKey);
      },
    }),
    caughtBy: ['BLB-10-refused', 'BLB-10-swept'],
  },
];

const GENEROUS: readonly PlantedFault[] = [
  {
    fault: 'accepting is left for later',
    plant: (store) =>
      withWriters(store, (writer) =>
        changed(writer, {
          accept: async () => undefined,
          commit: async () => {
            await writer.accept();
            return writer.commit();
          },
        }),
      ),
    caughtBy: ['BLB-09-unseen', 'BLB-09-accepted-stays', 'BLB-09-no-trace'],
  },
  {
    fault: 'a writer that is over is suspended again',
    plant: (store) =>
      withWriters(store, (writer) =>
        changed(writer, {
          suspend: async () => {
            await writer.flush();
            await writer.suspend();
          },
        }),
      ),
    caughtBy: ['BLB-08-goes-on', 'BLB-08-early-abort'],
  },
  {
    fault: 'whoever resumes a blob being written shares its writer',
    plant: (store) => {
      const writers = new Map<string, BlobWriter>();
      return {
        ...withWriters(store, (writer, key) => {
          writers.set(key, writer);
          return writer;
        }),
        resume: async (key) => {
          try {
            const writer = await store.resume(key);
            writers.set(key, writer);
            return writer;
          } catch (error) {
            const writer = writers.get(key);
            if (writer === undefined || error instanceof BlobMissingError) throw error;
            return writer;
          }
        },
      };
    },
    caughtBy: ['BLB-08-one-writer'],
  },
];

describe.each([
  ['careless', CARELESS],
  ['stubborn', STUBBORN],
  ['forgetful', FORGETFUL],
  ['hasty', HASTY],
  ['generous', GENEROUS],
])('a %s store', (_, faults) => {
  it('fails the checks that are there to catch it, and no others', async () => {
    const open = async (directory: string): Promise<BlobStore> =>
      faults.reduce((store, { plant }) => plant(store), await openDiskBlobStore(directory));
    const caught = new Set(faults.flatMap(({ caughtBy }) => caughtBy));
    const failing = await failingIds(blobStoreChecks, directoryStoreStarter(open));
    expect(failing.toSorted()).toEqual([...caught].toSorted());
  });
});
