/**
 * What every blob store owes its callers (`src/core/blob-store.ts`), line by line as checks:
 *
 * - BLB-01 one writer, any number of readers, from any offset, while the blob grows
 * - BLB-02 readers end with the commit, fail with the abort, leave with their signal
 * - BLB-03 a commit tells size and SHA-256 of what was written, and survives a new start
 * - BLB-04 aborted and removed blobs leave nothing; removing twice succeeds
 * - BLB-05 keys are ours, and written once
 * - BLB-06 memory does not grow with the blob
 * - BLB-07 a sweep removes what is neither kept, named by a record, nor being written
 * - BLB-08 what is suspended, or whose process died, is gone on with
 * - BLB-09 what is on probation is unseen, and can be taken back
 * - BLB-10 a copy outlives the first
 */
import fc from 'fast-check';
import { expect } from 'vitest';
import { BlobAbortedError, BlobMissingError } from '../../src/core/blob-store.ts';
import { resumptionChecks } from './blob-resumption-checks.ts';
import { type BlobCheck, KEY, OTHER_KEY, put, readAll, type StartStore } from './blob-subject.ts';
import { describeChecks, type Skip } from './check.ts';
import { collectGarbage } from './collect-garbage.ts';
import { failureOf, watched, within } from './outcome.ts';
import { cut, sha256, words } from './recording-source.ts';

const MIB = 2 ** 20;

const growingChecks: readonly BlobCheck[] = [
  {
    id: 'BLB-01-ranges',
    title: 'a committed blob is read whole or from any byte to any other',
    run: async ({ store }) => {
      const bytes = words(3 * MIB + 17);
      await put(store, bytes);
      expect((await readAll(store)).equals(bytes)).toBe(true);
      for (const [start, end] of [
        [0, 1],
        [0, bytes.length],
        [MIB - 1, MIB + 1],
        [5, 2 * MIB + 5],
        [bytes.length - 1, bytes.length],
        [bytes.length, bytes.length],
        [100, 100],
        [bytes.length - 5, bytes.length + 99],
        [bytes.length + 99, bytes.length + 199],
      ] as const) {
        const read = await readAll(store, { start, end });
        expect(read.equals(bytes.subarray(start, end)), `${start} to ${end}`).toBe(true);
      }
    },
  },
  {
    id: 'BLB-01-many-readers',
    title: 'many readers follow one growing blob from different offsets',
    run: async ({ store }) => {
      const bytes = words(6 * MIB + 123);
      const starts = Array.from({ length: 12 }, (_, n) => n * 500_009);
      const writer = await store.create(KEY);
      const early = starts.map((start) => watched(readAll(store, { start })));
      const late: Promise<Buffer>[] = [];
      for (const piece of cut(bytes, 700_001)) {
        await writer.write(piece);
        late.push(watched(readAll(store, { start: 77, end: 5 * MIB })));
      }
      await writer.commit();
      const read = await within(Promise.all(early));
      expect(read.map(sha256)).toEqual(starts.map((start) => sha256(bytes.subarray(start))));
      const ranges = new Set((await within(Promise.all(late))).map(sha256));
      expect([...ranges]).toEqual([sha256(bytes.subarray(77, 5 * MIB))]);
    },
  },
  {
    id: 'BLB-01-while-growing',
    title: 'a reader gets bytes before the blob is complete, also one that came before the first byte',
    run: async ({ store }) => {
      const bytes = words(4 * MIB);
      const writer = await store.create(KEY);
      const reader = store.read(KEY)[Symbol.asyncIterator]();
      const first = watched(reader.next());
      await writer.write(bytes);
      const { value } = await within(first);
      expect(bytes.indexOf(value ?? '')).toBe(0);
      await reader.return?.();
      await writer.abort();
    },
  },
  {
    id: 'BLB-01-end-in-sight',
    title: 'a reader that wants no more than is there does not wait for the commit',
    run: async ({ store }) => {
      const bytes = words(4 * MIB);
      const writer = await store.create(KEY);
      await writer.write(bytes);
      expect((await within(readAll(store, { end: MIB }))).equals(bytes.subarray(0, MIB))).toBe(true);
      await writer.abort();
    },
  },
  {
    id: 'BLB-01-any-pieces',
    title: 'whatever the pieces and wherever the readers start, they get the same bytes',
    run: async ({ store }) => {
      let run = 0;
      const scenario = fc.record({
        pieces: fc.array(fc.integer({ min: 0, max: 900_000 }), { maxLength: 8 }),
        readers: fc.array(fc.record({ start: fc.nat(3 * MIB), after: fc.nat(8) }), { maxLength: 5 }),
      });
      await fc.assert(
        fc.asyncProperty(scenario, async ({ pieces, readers }) => {
          run += 1;
          const key = run.toString(36).padStart(8, '0');
          const bytes = words(pieces.reduce((sum, piece) => sum + piece, 0));
          const writer = await store.create(key);
          const reads: { start: number; bytes: Promise<Buffer> }[] = [];
          let offset = 0;
          for (const [written, piece] of pieces.entries()) {
            for (const { start, after } of readers) {
              if (after === written) reads.push({ start, bytes: watched(readAll(store, { start }, key)) });
            }
            await writer.write(bytes.subarray(offset, offset + piece));
            offset += piece;
          }
          const committed = await writer.commit();
          expect(committed).toEqual({ sizeBytes: bytes.length, sha256: sha256(bytes) });
          for (const { start, bytes: read } of [
            ...reads,
            { start: 0, bytes: watched(readAll(store, {}, key)) },
          ]) {
            expect((await within(read)).equals(bytes.subarray(start))).toBe(true);
          }
          await store.remove(key);
        }),
        { numRuns: 40 },
      );
    },
  },
  {
    id: 'BLB-02-abort',
    title: 'an abort fails every reader, the waiting and the reading',
    run: async ({ store }) => {
      const writer = await store.create(KEY);
      const waiting = watched(readAll(store, { start: 9 * MIB }));
      const reader = store.read(KEY)[Symbol.asyncIterator]();
      await writer.write(words(2 * MIB));
      await within(reader.next());
      const rest = (async () => {
        while ((await reader.next()).done !== true);
      })();
      const failures = watched(Promise.all([waiting, rest].map((read) => failureOf(read))));
      await writer.abort();
      for (const failure of await failures) expect(failure).toBeInstanceOf(BlobAbortedError);
    },
  },
  {
    id: 'BLB-02-during-abort',
    title: 'a reader that comes while the blob is being aborted never takes it for complete',
    run: async ({ store }) => {
      for (let n = 0; n < 10; n += 1) {
        const writer = await store.create(KEY);
        await writer.write(words(2 * MIB));
        const aborting = writer.abort();
        let isOver = false;
        void aborting.finally(() => {
          isOver = true;
        });
        const failures: Promise<unknown>[] = [];
        for (let tries = 0; !isOver && tries < 200; tries += 1) {
          failures.push(watched(failureOf(readAll(store))));
          await new Promise((resolve) => setImmediate(resolve));
        }
        await aborting;
        for (const failure of await Promise.all(failures)) {
          expect((failure as Error).name).toMatch(/^Blob(Aborted|Missing)Error$/u);
        }
      }
    },
  },
  {
    id: 'BLB-02-signal',
    title: 'a signal ends a waiting reader and leaves the writer and the others alone',
    run: async ({ store }) => {
      const bytes = words(2 * MIB);
      const writer = await store.create(KEY);
      const reason = new Error('no longer needed');
      const leaving = new AbortController();
      const left = watched(failureOf(readAll(store, { signal: leaving.signal })));
      const other = watched(readAll(store));
      await writer.write(bytes);
      leaving.abort(reason);
      expect(await left).toBe(reason);
      expect(await failureOf(readAll(store, { signal: leaving.signal }))).toBe(reason);
      await writer.commit();
      expect((await within(other)).equals(bytes)).toBe(true);
    },
  },
];

const restingChecks: readonly BlobCheck[] = [
  {
    id: 'BLB-03-hash',
    title: 'a commit tells size and SHA-256, of an empty blob too',
    run: async ({ store }) => {
      for (const [n, sizeBytes] of [0, 1, MIB - 1, MIB, MIB + 1, 5_000_011].entries()) {
        const bytes = words(sizeBytes);
        const committed = await put(store, bytes, { key: `hashing0${n}`, pieceBytes: 99_991 });
        expect(committed).toEqual({ sizeBytes, sha256: sha256(bytes) });
      }
    },
  },
  {
    id: 'BLB-03-survives',
    title: 'a committed blob is there after a new start, kept or not',
    run: async ({ store, reopen }) => {
      const bytes = words(2 * MIB + 1);
      await put(store, bytes);
      await put(store, bytes, { key: OTHER_KEY });
      await store.keep(KEY);
      const again = await reopen();
      expect((await readAll(again)).equals(bytes)).toBe(true);
      expect((await readAll(again, {}, OTHER_KEY)).equals(bytes)).toBe(true);
    },
  },
  {
    id: 'BLB-04-abort',
    title: 'an aborted blob leaves nothing, aborting twice is one abort, and none after a commit',
    run: async ({ store, countBlobs }) => {
      const writer = await store.create(KEY);
      await writer.write(words(2 * MIB));
      await Promise.all([writer.abort(), writer.abort()]);
      await writer.abort();
      expect(await countBlobs()).toBe(0);
      expect(await failureOf(readAll(store))).toBeInstanceOf(BlobMissingError);
      const committed = await store.create(OTHER_KEY);
      await committed.write(words(10));
      await committed.commit();
      await committed.abort();
      expect((await readAll(store, {}, OTHER_KEY)).length).toBe(10);
    },
  },
  {
    id: 'BLB-04-remove',
    title: 'a removed blob is gone, kept or not; removing again, or what never was, succeeds',
    run: async ({ store, countBlobs }) => {
      for (const isKept of [false, true]) {
        await put(store, words(10), { key: isKept ? KEY : OTHER_KEY });
        if (isKept) await store.keep(KEY);
      }
      for (const key of [KEY, OTHER_KEY, KEY, OTHER_KEY]) await store.remove(key);
      expect(await countBlobs()).toBe(0);
      expect(await failureOf(readAll(store))).toBeInstanceOf(BlobMissingError);
    },
  },
  {
    id: 'BLB-04-remove-while-read',
    title: 'a reader that is under way when its blob is removed gets all of it or fails',
    run: async ({ store }) => {
      const bytes = words(4 * MIB);
      await put(store, bytes);
      const reader = store.read(KEY)[Symbol.asyncIterator]();
      const pieces = [(await reader.next()).value ?? Buffer.alloc(0)];
      await store.remove(KEY);
      const failure = await (async () => {
        for (;;) {
          const { done, value } = await reader.next();
          if (done) return null;
          pieces.push(value);
        }
      })().catch((error: unknown) => error);
      if (failure === null) expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
      else expect(failure).toBeInstanceOf(BlobMissingError);
    },
  },
  {
    id: 'BLB-05-hostile-keys',
    title: 'a key that is not of our making is refused everywhere',
    run: async ({ store, countBlobs }) => {
      const hostile = ['', '.', '..', '../../etc/passwd', 'a/b', 'a1b2c3d4/../x', 'A1B2C3D4E5', 'short'];
      for (const key of [...hostile, 'a1b2c3d4\n', 'a1b2c3d4\0', 'ü1b2c3d4e5', 'a'.repeat(65)]) {
        for (const call of [
          async () => store.create(key),
          async () => readAll(store, {}, key),
          async () => store.keep(key),
          async () => store.remove(key),
        ]) {
          expect(await failureOf(call()), JSON.stringify(key)).toBeInstanceOf(TypeError);
        }
      }
      expect(await countBlobs()).toBe(0);
    },
  },
  {
    id: 'BLB-05-once',
    title: 'a key is written once: not again while written, when committed, or when kept',
    run: async ({ store }) => {
      const writer = await store.create(KEY);
      await failureOf(store.create(KEY));
      await writer.write(words(10));
      await writer.commit();
      await failureOf(store.create(KEY));
      await store.keep(KEY);
      await failureOf(store.create(KEY));
      expect((await readAll(store)).equals(words(10))).toBe(true);
    },
  },
  {
    id: 'BLB-06-memory',
    alone: true,
    title: 'writing and slowly reading 64 MiB takes no more memory than a few pieces',
    run: async ({ store }) => {
      const piece = words(MIB);
      const before = liveBytes();
      let most = 0;
      const writer = await store.create(KEY);
      const reading = (async () => {
        let readBytes = 0;
        for await (const { length } of store.read(KEY)) {
          readBytes += length;
          // Slower than the writer, so that what is not bounded piles up.
          await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
          if (readBytes % (8 * MIB) < length) most = Math.max(most, liveBytes() - before);
        }
        return readBytes;
      })();
      for (let n = 0; n < 64; n += 1) await writer.write(piece);
      await writer.commit();
      expect(await within(reading, 20_000)).toBe(64 * MIB);
      expect(most).toBeLessThan(16 * MIB);
    },
  },
  {
    id: 'BLB-07-sweep',
    title: 'a sweep takes only what is neither kept, nor tracked, nor being written',
    run: async ({ store, countBlobs }) => {
      const [kept, tracked, stray, growing] = ['kept0000', 'tracked0', 'stray000', 'growing0'] as const;
      for (const key of [kept, tracked, stray]) await put(store, words(10), { key });
      await store.keep(kept);
      await store.keep(kept);
      const writer = await store.create(growing);
      await writer.flush();
      const asked: string[] = [];
      const sweep = store.sweep(async (keys) => {
        asked.push(...keys);
        return new Map([[tracked, 'kept']]);
      });
      expect(await sweep).toBe(1);
      expect(asked).not.toContain(growing);
      expect(await countBlobs()).toBe(3);
      expect(await failureOf(readAll(store, {}, stray))).toBeInstanceOf(BlobMissingError);
      await writer.write(words(20));
      await writer.commit();
      expect((await readAll(store, {}, growing)).length).toBe(20);
      for (const key of [kept, tracked]) expect((await readAll(store, {}, key)).length).toBe(10);
      // What was tracked is kept from now on.
      expect(await store.sweep(async () => new Map([[growing, 'kept']]))).toBe(0);
      expect(await store.sweep(async () => new Map())).toBe(0);
    },
  },
  {
    id: 'BLB-07-unanswered',
    title: 'a sweep whose question is not answered removes nothing',
    run: async ({ store, countBlobs }) => {
      await put(store, words(10));
      const fault = new Error('the record is away');
      expect(await failureOf(store.sweep(() => Promise.reject(fault)))).toBe(fault);
      expect(await countBlobs()).toBe(1);
    },
  },
];

export const blobStoreChecks: readonly BlobCheck[] = [
  ...growingChecks,
  ...restingChecks,
  ...resumptionChecks,
];

/** Holds a blob store to the contract. */
export const describeBlobStore = (
  name: string,
  { start, skip = [] }: { start: StartStore; skip?: readonly Skip[] },
): void => describeChecks(name, blobStoreChecks, { start, skip });

/** What is in use after a collection: heap, and buffers outside of it. */
const liveBytes = (): number => {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};
