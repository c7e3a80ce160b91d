/** What every blob store owes to uploads that come in several goes: BLB-08 to BLB-10, and the part of them in BLB-07. */
import { expect } from 'vitest';
import { BlobAbortedError, BlobMissingError, type BlobStore } from '../../src/core/blob-store.ts';
import { type BlobCheck, KEY, OTHER_KEY, put, readAll } from './blob-subject.ts';
import { failureOf, watched, within } from './outcome.ts';
import { cut, sha256, words } from './recording-source.ts';

const MIB = 2 ** 20;

/** The whole of `bytes` from where the blob has come to. */
const goOn = async (store: BlobStore, bytes: Buffer, key = KEY) => {
  const writer = await store.resume(key);
  for (const piece of cut(bytes.subarray(writer.sizeBytes), 100_003)) await writer.write(piece);
  return writer.commit();
};

export const resumptionChecks: readonly BlobCheck[] = [
  {
    id: 'BLB-07-crash',
    title: 'what a crash cut short is swept by the next start, what it committed is not',
    run: async ({ store, reopen, countBlobs }) => {
      const bytes = words(2 * MIB);
      await put(store, bytes, { key: OTHER_KEY });
      const cutShort = await store.create(KEY);
      await cutShort.write(bytes);
      const again: BlobStore = await reopen();
      expect(await again.sweep(async () => new Map([[OTHER_KEY, 'kept']]))).toBe(1);
      expect(await failureOf(readAll(again))).toBeInstanceOf(BlobMissingError);
      expect((await readAll(again, {}, OTHER_KEY)).equals(bytes)).toBe(true);
      await put(again, bytes);
      expect((await readAll(again)).equals(bytes)).toBe(true);
      await again.remove(KEY);
      await cutShort.abort();
      expect(await countBlobs()).toBe(1);
    },
  },
  {
    id: 'BLB-07-fates',
    title: 'a sweep keeps the kept, leaves the growing to be resumed, and removes the rest',
    run: async ({ store, reopen, countBlobs }) => {
      const bytes = words(3 * MIB + 5);
      const [kept, growing, stray] = ['kept0000', 'growing0', 'stray000'] as const;
      for (const key of [kept, stray]) await put(store, bytes, { key });
      for (const key of [growing, 'stray001']) {
        const writer = await store.create(key);
        await writer.write(bytes.subarray(0, 2 * MIB));
        await writer.suspend();
      }
      const again = await reopen();
      const fates = new Map([
        [kept, 'kept'],
        [growing, 'growing'],
      ] as const);
      expect(await again.sweep(async () => fates)).toBe(2);
      expect(await countBlobs()).toBe(2);
      expect(await again.sweep(async () => new Map([[growing, 'growing']]))).toBe(0);
      expect((await readAll(again, {}, kept)).equals(bytes)).toBe(true);
      expect((await goOn(again, bytes, growing)).sha256).toBe(sha256(bytes));
      expect((await readAll(again, {}, growing)).equals(bytes)).toBe(true);
    },
  },
  {
    id: 'BLB-08-goes-on',
    title:
      'a blob goes on after each suspension, from the first byte to the last, and its hash is that of all',
    run: async ({ store }) => {
      const bytes = words(5 * MIB + 11);
      await (await store.create(KEY)).suspend();
      let reached = 0;
      for (const piece of [1, 10, 2 * MIB, 70_000, 0, MIB + 3]) {
        const writer = await store.resume(KEY);
        expect(writer.sizeBytes).toBe(reached);
        for (const part of cut(bytes.subarray(reached, reached + piece), 65_536)) await writer.write(part);
        reached += piece;
        expect(writer.sizeBytes).toBe(reached);
        await Promise.all([writer.suspend(), writer.suspend()]);
        await writer.suspend();
      }
      expect(await goOn(store, bytes)).toEqual({ sizeBytes: bytes.length, sha256: sha256(bytes) });
      expect((await readAll(store)).equals(bytes)).toBe(true);
    },
  },
  {
    id: 'BLB-08-death',
    title: 'what was flushed is there after the process died, a blob without a byte too, and goes on',
    run: async ({ store, reopen }) => {
      const bytes = words(3 * MIB);
      for (const [n, flushed] of [0, 10, MIB, 2 * MIB + 1].entries()) {
        const key = `flushed${n}`;
        const writer = await store.create(key);
        for (const part of cut(bytes.subarray(0, flushed), 65_536)) await writer.write(part);
        await writer.flush();
        await writer.write(bytes.subarray(flushed, flushed + 100));
        const again = await reopen();
        const resumed = await again.resume(key);
        expect(resumed.sizeBytes).toBeGreaterThanOrEqual(flushed);
        await resumed.suspend();
        expect((await goOn(again, bytes, key)).sha256).toBe(sha256(bytes));
        expect((await readAll(again, {}, key)).equals(bytes)).toBe(true);
      }
    },
  },
  {
    id: 'BLB-08-readers',
    title: 'a suspension fails those who read; who reads after the resumption follows to the end',
    run: async ({ store }) => {
      const bytes = words(3 * MIB);
      const writer = await store.create(KEY);
      const early = watched(failureOf(readAll(store)));
      await writer.write(bytes.subarray(0, 2 * MIB));
      const waiting = watched(failureOf(readAll(store, { start: 9 * MIB })));
      await writer.suspend();
      for (const failure of [await early, await waiting, await failureOf(readAll(store))])
        expect(failure).toBeInstanceOf(BlobAbortedError);
      const resumed = await store.resume(KEY);
      const reading = watched(readAll(store));
      expect((await within(readAll(store, { end: MIB }))).equals(bytes.subarray(0, MIB))).toBe(true);
      await resumed.write(bytes.subarray(2 * MIB));
      await resumed.commit();
      expect((await within(reading)).equals(bytes)).toBe(true);
    },
  },
  {
    id: 'BLB-08-one-writer',
    title: 'a blob has one writer: not two that resume it, nor one that makes it anew',
    run: async ({ store }) => {
      const bytes = words(100);
      const writer = await store.create(KEY);
      await failureOf(store.resume(KEY));
      await writer.write(bytes.subarray(0, 50));
      await writer.suspend();
      await failureOf(store.create(KEY));
      const twice = await Promise.allSettled([store.resume(KEY), store.resume(KEY)]);
      expect(twice.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
      for (const one of twice) if (one.status === 'fulfilled') await one.value.suspend();
      expect((await goOn(store, bytes)).sha256).toBe(sha256(bytes));
    },
  },
  {
    id: 'BLB-08-missing',
    title: 'there is no going on with what never was, was removed, or was aborted after a suspension',
    run: async ({ store, countBlobs }) => {
      expect(await failureOf(store.resume(KEY))).toBeInstanceOf(BlobMissingError);
      await (await store.create(KEY)).suspend();
      await store.remove(KEY);
      expect(await failureOf(store.resume(KEY))).toBeInstanceOf(BlobMissingError);
      const writer = await store.create(KEY);
      await writer.write(words(10));
      await writer.suspend();
      await (await store.resume(KEY)).abort();
      expect(await failureOf(store.resume(KEY))).toBeInstanceOf(BlobMissingError);
      expect(await failureOf(readAll(store))).toBeInstanceOf(BlobMissingError);
      expect(await countBlobs()).toBe(0);
    },
  },
  {
    id: 'BLB-08-early-abort',
    title: 'a suspension after the abort or the commit changes nothing',
    run: async ({ store, countBlobs }) => {
      const aborted = await store.create(OTHER_KEY);
      await aborted.write(words(2 * MIB));
      await aborted.abort();
      await aborted.suspend();
      expect(await countBlobs()).toBe(0);
      const writer = await store.create(KEY);
      await writer.write(words(10));
      await writer.commit();
      await writer.suspend();
      expect((await readAll(store)).equals(words(10))).toBe(true);
    },
  },
  {
    id: 'BLB-09-unseen',
    title: 'what is on probation is seen by no reader until it is accepted',
    run: async ({ store }) => {
      const bytes = words(6 * MIB);
      const writer = await store.create(KEY);
      await writer.write(bytes.subarray(0, 10));
      await writer.startProbation();
      const reader = store.read(KEY)[Symbol.asyncIterator]();
      expect((await within(reader.next())).value?.length).toBe(10);
      const next = watched(reader.next());
      let isSeen = false;
      const seen = next.then(() => {
        isSeen = true;
      });
      for (const part of cut(bytes.subarray(10, 5 * MIB), 700_001)) await writer.write(part);
      await writer.flush();
      expect(writer.sizeBytes).toBe(5 * MIB);
      // As long as a bad store needs to show too much: a reader that opens, reads and ends.
      expect((await within(readAll(store, { end: 10 }))).length).toBe(10);
      expect(isSeen).toBe(false);
      await writer.accept();
      await within(seen);
      await reader.return?.();
      const reading = watched(readAll(store));
      await writer.write(bytes.subarray(5 * MIB));
      expect((await writer.commit()).sha256).toBe(sha256(bytes));
      expect((await within(reading)).equals(bytes)).toBe(true);
    },
  },
  {
    id: 'BLB-09-take-back',
    title: 'what is taken back is gone, be it in memory or on disk, and the blob goes on without it',
    run: async ({ store }) => {
      const bytes = words(4 * MIB);
      for (const [n, bad] of [0, 100, MIB + 7, 5 * MIB + 3].entries()) {
        const key = `takeback${n}`;
        const writer = await store.create(key);
        const reading = watched(readAll(store, {}, key));
        await writer.write(bytes.subarray(0, MIB + 10));
        await writer.startProbation();
        for (const part of cut(Buffer.alloc(bad, '!'), 700_001)) await writer.write(part);
        expect(writer.sizeBytes).toBe(MIB + 10 + bad);
        await writer.takeBack();
        expect(writer.sizeBytes).toBe(MIB + 10);
        await writer.startProbation();
        await writer.write(bytes.subarray(MIB + 10, 2 * MIB));
        await writer.accept();
        await writer.write(bytes.subarray(2 * MIB));
        expect(await writer.commit()).toEqual({ sizeBytes: bytes.length, sha256: sha256(bytes) });
        expect((await within(reading)).equals(bytes)).toBe(true);
      }
    },
  },
  {
    id: 'BLB-09-suspended',
    title: 'a suspension takes back what is on probation, and so does the death of the process',
    run: async ({ store, reopen, countBlobs }) => {
      const bytes = words(2 * MIB);
      for (const [n, bad] of [100, 3 * MIB].entries()) {
        const key = `probation${n}`;
        const writer = await store.create(key);
        await writer.write(bytes.subarray(0, MIB));
        await writer.startProbation();
        await writer.write(Buffer.alloc(bad, '!'));
        await writer.suspend();
        const resumed = await store.resume(key);
        expect(resumed.sizeBytes).toBe(MIB);
        await resumed.startProbation();
        await resumed.write(Buffer.alloc(bad, '!'));
        await resumed.flush();
        const again = await reopen();
        expect((await again.resume(key)).sizeBytes).toBe(MIB);
        const last = await reopen();
        expect((await goOn(last, bytes, key)).sha256).toBe(sha256(bytes));
        expect((await readAll(last, {}, key)).equals(bytes)).toBe(true);
      }
      expect(await countBlobs()).toBe(2);
    },
  },
  {
    id: 'BLB-09-accepted-stays',
    title: 'what was accepted is there after the process died',
    run: async ({ store, reopen }) => {
      const bytes = words(4 * MIB);
      for (const [n, accepted] of [100, 3 * MIB].entries()) {
        const key = `accepted${n}`;
        const writer = await store.create(key);
        await writer.startProbation();
        await writer.write(bytes.subarray(0, accepted));
        await writer.accept();
        const again = await reopen();
        const resumed = await again.resume(key);
        expect(resumed.sizeBytes).toBe(accepted);
        await resumed.suspend();
        expect((await goOn(again, bytes, key)).sha256).toBe(sha256(bytes));
      }
    },
  },
  {
    id: 'BLB-09-no-trace',
    title: 'a blob that is given up, or swept, on probation leaves nothing; none is committed on probation',
    run: async ({ store, reopen, countBlobs }) => {
      const begin = async (key: string) => {
        const writer = await store.create(key);
        await writer.write(words(10));
        await writer.startProbation();
        await writer.write(words(2 * MIB));
        return writer;
      };
      const aborted = await begin(KEY);
      await failureOf(aborted.commit());
      await aborted.abort();
      expect(await countBlobs()).toBe(0);
      await begin(KEY);
      const again = await reopen();
      expect(await again.sweep(async () => new Map())).toBe(1);
      expect(await countBlobs()).toBe(0);
    },
  },
  {
    id: 'BLB-10-outlives',
    title: 'a copy has the same bytes, and each outlives the other, kept or not',
    run: async ({ store, reopen, countBlobs }) => {
      const bytes = words(MIB + 1);
      await put(store, bytes, { key: 'original' });
      await store.copy('original', 'copied00');
      await store.keep('original');
      await store.copy('original', 'copied01');
      await store.keep('copied01');
      await store.copy('copied01', 'copied02');
      await store.remove('copied00');
      expect((await readAll(store, {}, 'original')).equals(bytes)).toBe(true);
      await store.remove('original');
      const again = await reopen();
      for (const key of ['copied01', 'copied02'])
        expect((await readAll(again, {}, key)).equals(bytes)).toBe(true);
      expect(await countBlobs()).toBe(2);
    },
  },
  {
    id: 'BLB-10-refused',
    title: 'no copy of what is missing or incomplete, and none over another blob',
    run: async ({ store, countBlobs }) => {
      expect(await failureOf(store.copy(KEY, OTHER_KEY))).toBeInstanceOf(BlobMissingError);
      const writer = await store.create(KEY);
      await writer.write(words(2 * MIB));
      await failureOf(store.copy(KEY, OTHER_KEY));
      await writer.suspend();
      await failureOf(store.copy(KEY, OTHER_KEY));
      await store.remove(KEY);
      await put(store, words(10));
      await put(store, words(20), { key: OTHER_KEY });
      await failureOf(store.copy(KEY, OTHER_KEY));
      await store.keep(OTHER_KEY);
      await failureOf(store.copy(KEY, OTHER_KEY));
      for (const key of ['../../etc/passwd', 'A1B2C3D4E5']) {
        expect(await failureOf(store.copy(key, 'copied00'))).toBeInstanceOf(TypeError);
        expect(await failureOf(store.copy(KEY, key))).toBeInstanceOf(TypeError);
        expect(await failureOf(store.resume(key))).toBeInstanceOf(TypeError);
      }
      expect((await readAll(store, {}, OTHER_KEY)).length).toBe(20);
      expect(await countBlobs()).toBe(2);
    },
  },
  {
    id: 'BLB-10-swept',
    title: 'a copy that no record names is swept, and its first stays; one that is named is kept',
    run: async ({ store, reopen }) => {
      await put(store, words(10));
      await store.keep(KEY);
      for (const key of ['copied00', 'copied01']) await store.copy(KEY, key);
      const again = await reopen();
      expect(await again.sweep(async () => new Map([['copied01', 'kept']]))).toBe(1);
      expect(await failureOf(readAll(again, {}, 'copied00'))).toBeInstanceOf(BlobMissingError);
      for (const key of [KEY, 'copied01']) expect((await readAll(again, {}, key)).length).toBe(10);
      expect(await again.sweep(async () => new Map())).toBe(0);
    },
  },
];
