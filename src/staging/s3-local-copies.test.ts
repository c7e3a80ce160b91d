import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BlobMissingError, type BlobStore } from '../core/blob-store.ts';
import { openDiskBlobStore } from './disk-blob-store.ts';
import { createLocalCopies } from './s3-local-copies.ts';

let directory: string;
let local: BlobStore;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'local-copies-'));
  local = await openDiskBlobStore(directory);
});

afterEach(async () => {
  await local.close();
  await rm(directory, { recursive: true, force: true });
});

const put = async (key: string, sizeBytes: number): Promise<void> => {
  const writer = await local.create(key);
  await writer.write(Buffer.alloc(sizeBytes, 'x'));
  await writer.commit();
};

const sizeOf = async (key: string): Promise<number | null> => {
  let sizeBytes = 0;
  try {
    for await (const { length } of local.read(key)) sizeBytes += length;
    return sizeBytes;
  } catch (error) {
    if (error instanceof BlobMissingError) return null;
    throw error;
  }
};

it('keeps what there is room for, the latest last to go, and what no record names in any case', async () => {
  const copies = createLocalCopies(local, 100);
  for (const key of ['oldest00', 'middle00', 'latest00', 'unnamed0']) {
    await put(key, 40);
    copies.add(key, 40);
  }
  for (const key of ['oldest00', 'middle00', 'middle00', 'latest00']) await copies.keep(key);
  const all = ['oldest00', 'middle00', 'latest00', 'unnamed0'];
  expect(all.map(copies.has)).toEqual([false, true, true, true]);
  expect(await Promise.all(all.map(sizeOf))).toEqual([null, 40, 40, 40]);
  await copies.remove('middle00');
  await put('another0', 40);
  copies.add('another0', 40);
  await copies.keep('another0');
  expect(await Promise.all(['latest00', 'another0'].map(sizeOf))).toEqual([40, 40]);
});

it('has no use for the copy of an earlier process', async () => {
  await put('earlier0', 40);
  await createLocalCopies(local).keep('earlier0');
  expect(await sizeOf('earlier0')).toBeNull();
});
