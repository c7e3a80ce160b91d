/** What a bucket does that no disk does, and what becomes of a blob then. */
import { mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type S3Emulator, startS3Emulator } from '../../emulators/s3.ts';
import {
  BlobAbortedError,
  BlobMissingError,
  type BlobStore,
  type BlobWriter,
} from '../../src/core/blob-store.ts';
import { openS3BlobStore } from '../../src/staging/s3-blob-store.ts';
import { openS3Bucket, type S3Bucket } from '../../src/staging/s3-bucket.ts';
import { copyObject } from '../../src/staging/s3-copy.ts';
import { KEY, put, readAll } from './blob-subject.ts';
import { failureOf, watched, within } from './outcome.ts';
import { sha256, words } from './recording-source.ts';

const KIB = 2 ** 10;
const PART = 256 * KIB;
const bytes = words(3 * PART + 1_000);

let directory: string;
let s3: S3Emulator;
let stores: BlobStore[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 's3-faults-'));
  const rules = { leastPartBytes: PART };
  s3 = await startS3Emulator({
    directory: join(directory, 's3'),
    bucket: 'blobs',
    accessKeyId: 'key-id',
    rules,
  });
  stores = [];
});

afterEach(async () => {
  for (const store of stores) await store.close();
  await s3.close();
  await rm(directory, { recursive: true, force: true });
});

const connect = (): Promise<S3Bucket> => {
  const credentials = { accessKeyId: 'key-id', secretAccessKey: 'secret' };
  return openS3Bucket({ endpoint: s3.url, region: 'us-east-1', bucket: 'blobs', ...credentials });
};

const open = async (machine = 'one'): Promise<BlobStore> => {
  const staging = join(directory, machine);
  const options = { bucket: await connect(), directory: staging, maxBlobBytes: 2 ** 30, partBytes: PART };
  const store = await openS3BlobStore(options);
  stores.push(store);
  return store;
};

const count = (operation: string): number => s3.operations.filter((one) => one === operation).length;
const leftInBucket = (): number => s3.objects.size + s3.uploads.size;

describe('storing', () => {
  it('outlives refusals, lost connections and lost answers', async () => {
    s3.fault({ on: 'UploadPart', kind: 'status', status: 503, times: 2 });
    s3.fault({ on: 'UploadPart', kind: 'reset' });
    s3.fault({ on: 'UploadPart', kind: 'lost' });
    s3.fault({ on: 'CompleteMultipartUpload', kind: 'lost' });
    const store = await open();
    expect(await put(store, bytes)).toEqual({ sizeBytes: bytes.length, sha256: sha256(bytes) });
    expect((await readAll(await open('two'))).equals(bytes)).toBe(true);
    expect(leftInBucket()).toBe(1);
  });

  it.each(['UploadPart', 'PutObject'])('does not take what %s stored wrongly for stored', async (on) => {
    s3.fault({ on, kind: 'corrupt' });
    const store = await open();
    const writer = await store.create(KEY);
    await writer.write(on === 'PutObject' ? bytes.subarray(0, 1_000) : bytes);
    expect(await failureOf(writer.commit())).toMatchObject({ code: 'unavailable' });
    await writer.abort();
    expect(leftInBucket()).toBe(0);
    await put(store, bytes);
  });

  it('that fails at the last moment leaves nothing, and nobody who read took it for complete', async () => {
    s3.fault({ on: 'CompleteMultipartUpload', kind: 'status', status: 403, code: 'AccessDenied' });
    const store = await open();
    const writer = await store.create(KEY);
    const reading = watched(failureOf(readAll(store)));
    await writer.write(bytes);
    expect(await failureOf(writer.commit())).toMatchObject({ code: 'unavailable' });
    await writer.abort();
    expect(await within(reading)).toBeInstanceOf(BlobAbortedError);
    expect(leftInBucket()).toBe(0);
    expect(await store.sweep(async () => new Map())).toBe(0);
  });

  it('is swept by the next start when the bucket could not be cleared', async () => {
    const store = await open();
    const writer = await store.create(KEY);
    await writer.write(bytes);
    await writer.flush();
    s3.fault({ on: 'AbortMultipartUpload', kind: 'status', status: 403, code: 'AccessDenied' });
    expect(await failureOf(writer.abort())).toMatchObject({ code: 'unavailable' });
    expect(leftInBucket()).toBeGreaterThan(0);
    expect(await (await open()).sweep(async () => new Map())).toBe(1);
    expect(leftInBucket()).toBe(0);
  });
});

describe('going on', () => {
  const begin = async (store: BlobStore): Promise<void> => {
    const writer = await store.create(KEY);
    await writer.write(bytes.subarray(0, 2 * PART + 500));
    await writer.suspend();
  };
  const finish = async (store: BlobStore) => {
    const writer = await store.resume(KEY);
    expect(writer.sizeBytes).toBe(2 * PART + 500);
    await writer.write(bytes.subarray(writer.sizeBytes));
    const committed = await writer.commit();
    // A record names it.
    await store.keep(KEY);
    return committed;
  };

  it('on another machine fetches the bytes once and copies its parts within the bucket', async () => {
    await begin(await open('one'));
    const sent = count('UploadPart');
    expect((await finish(await open('two'))).sha256).toBe(sha256(bytes));
    expect([count('UploadPartCopy'), count('UploadPart') - sent]).toEqual([2, 2]);
    expect((await readAll(await open('three'))).equals(bytes)).toBe(true);
    expect(leftInBucket()).toBe(1);
  });

  it('after another machine went on first does not trust the local copy', async () => {
    await begin(await open('one'));
    const second = await (await open('two')).resume(KEY);
    await second.write(bytes.subarray(second.sizeBytes, 3 * PART));
    await second.suspend();
    const third = await (await open('one')).resume(KEY);
    expect(third.sizeBytes).toBe(3 * PART);
    await third.write(bytes.subarray(third.sizeBytes));
    expect((await third.commit()).sha256).toBe(sha256(bytes));
    expect(leftInBucket()).toBeGreaterThan(1);
    expect(await (await open('one')).sweep(async () => new Map([[KEY, 'kept']]))).toBe(0);
    expect(leftInBucket()).toBe(1);
  });

  it('is possible where taking over was cut short', async () => {
    await begin(await open('one'));
    const second = await (await open('two')).resume(KEY);
    expect(second.sizeBytes).toBe(2 * PART + 500);
    // It dies before it has stored anything anew.
    expect((await finish(await open('three'))).sha256).toBe(sha256(bytes));
    expect(leftInBucket()).toBe(1);
    await second.abort();
  });

  it('needs no multipart upload that the bucket’s rules have ended, here', async () => {
    await begin(await open());
    const bucket = await connect();
    for (const upload of await bucket.uploadsOf(`blobs/${KEY}`)) await bucket.abort(upload);
    bucket.close();
    expect((await finish(await open())).sha256).toBe(sha256(bytes));
    expect(leftInBucket()).toBe(1);
  });

  it('loses nothing on this machine when the bucket refused the suspension', async () => {
    const store = await open();
    const writer = await store.create(KEY);
    await writer.write(bytes.subarray(0, 2 * PART + 500));
    s3.fault({ on: 'PutObject', kind: 'status', status: 403, code: 'AccessDenied' });
    expect(await failureOf(writer.suspend())).toMatchObject({ code: 'unavailable' });
    expect((await finish(store)).sha256).toBe(sha256(bytes));
    expect(leftInBucket()).toBe(1);
  });
});

describe('BLB-11 taking over', () => {
  const NEXT = 'b1b2c3d4e5f60718';
  const SAVED = 2 * PART + 500;

  /** A blob that was made durable at `SAVED` bytes, and its writer, who has stalled. */
  const stall = async () => {
    const store = await open('one');
    const writer = await store.create(KEY);
    await writer.write(bytes.subarray(0, SAVED));
    await writer.flush();
    return { store, writer };
  };
  const takeOver = async (sizeBytes = SAVED) => {
    const store = await open('two');
    const writer = await store.shared?.takeOver(NEXT, { key: KEY, sizeBytes });
    if (writer === undefined) throw new Error('This store is not shared.');
    return { store, writer };
  };
  const finish = async ({ store, writer }: Awaited<ReturnType<typeof takeOver>>): Promise<void> => {
    await writer.write(bytes.subarray(writer.sizeBytes));
    expect(await writer.commit()).toEqual({ sizeBytes: bytes.length, sha256: sha256(bytes) });
    await store.keep(NEXT);
    expect((await readAll(await open('three'), {}, NEXT)).equals(bytes)).toBe(true);
  };

  it('copies within the bucket what the writer before has sent, and needs nothing of it then', async () => {
    const first = await stall();
    const sent = count('UploadPart');
    const next = await takeOver();
    expect(next.writer.sizeBytes).toBe(SAVED);
    expect([count('UploadPartCopy'), count('UploadPart') - sent]).toEqual([2, 0]);
    await (await open('two')).remove(KEY);
    await finish(next);
    await first.writer.abort();
    expect([...s3.objects.keys(), ...s3.uploads.keys()]).toEqual([`blobs/${NEXT}`]);
  });

  it.each([
    ['writes on', (late) => late.write(bytes.subarray(SAVED)).then(() => late.flush())],
    ['completes it', (late) => late.write(bytes.subarray(SAVED)).then(() => late.commit())],
    ['gives it up', (late) => late.abort()],
    ['lets go of it', (late) => late.suspend()],
  ] as const satisfies readonly [string, (late: BlobWriter) => Promise<unknown>][])(
    'is not disturbed by the writer before, who %s late',
    async (_what, act) => {
      const first = await stall();
      const next = await takeOver();
      // Whether it is told that it is late depends on what it asks for.
      await Promise.allSettled([act(first.writer)]);
      await finish(next);
      await first.writer.suspend().catch(() => undefined);
      await first.store.remove(KEY);
      expect([...s3.objects.keys(), ...s3.uploads.keys()]).toEqual([`blobs/${NEXT}`]);
    },
  );

  it('finds what was told, although its writer went on, completed it, or another has tried before', async () => {
    const first = await stall();
    await first.writer.write(bytes.subarray(SAVED, 3 * PART + 10));
    await first.writer.flush();
    const cut = await takeOver();
    // It dies; what it has under the new key is not trusted.
    await cut.writer.write(bytes.subarray(0, 10));
    await cut.writer.suspend();
    await first.writer.write(bytes.subarray(3 * PART + 10));
    await Promise.allSettled([first.writer.commit()]);
    const next = await takeOver();
    expect(next.writer.sizeBytes).toBe(SAVED);
    await finish(next);
  });

  it('is possible at the sizes that were not let go of', async () => {
    const first = await stall();
    await first.writer.write(bytes.subarray(SAVED, 3 * PART + 10));
    await first.writer.flush();
    await first.store.shared?.trim(KEY, 3 * PART + 10);
    expect(await failureOf(takeOver())).toBeInstanceOf(BlobMissingError);
    const next = await takeOver(3 * PART + 10);
    await finish(next);
  });
});

describe('reading', () => {
  it('goes on where a connection was lost, and gives up in the end', async () => {
    await put(await open('one'), bytes);
    const store = await open('two');
    s3.fault({ on: 'GetObject', kind: 'cut', times: 3 });
    expect((await readAll(store, { start: 100 })).equals(bytes.subarray(100))).toBe(true);
    expect(count('GetObject')).toBe(4);
    s3.fault({ on: 'GetObject', kind: 'status', status: 403, code: 'AccessDenied' });
    expect(await failureOf(readAll(store))).toMatchObject({ code: 'unavailable' });
  });
});

it('copies in parts what is too large for one call', async () => {
  await put(await open(), bytes);
  const bucket = await connect();
  const [from, to] = [`blobs/${KEY}`, 'blobs/copied00'];
  await copyObject(bucket, { from, to, sizeBytes: bytes.length }, { mostBytes: PART, partBytes: 2 * PART });
  bucket.close();
  expect((await readAll(await open('two'), {}, 'copied00')).equals(bytes)).toBe(true);
  expect([count('UploadPartCopy'), count('CopyObject')]).toEqual([2, 0]);
});

it('sweeps, while there is work, only what has been left for long', async () => {
  const store = await open();
  await put(store, bytes);
  expect(await store.sweep(async () => new Map(), { minAgeMs: 3_600_000 })).toBe(0);
  expect((await readAll(store)).equals(bytes)).toBe(true);
  const anHourAgo = new Date(Date.now() - 3_600_000);
  await utimes(join(directory, 'one', 'incoming', KEY), anHourAgo, anHourAgo);
  expect(await store.sweep(async () => new Map(), { minAgeMs: 3_600_000 })).toBe(1);
  expect(leftInBucket()).toBe(0);
});
