import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import type { BlobStore, BlobWriter } from '../../src/core/blob-store.ts';
import { openS3BlobStore } from '../../src/staging/s3-blob-store.ts';
import { openS3Bucket, type S3Account } from '../../src/staging/s3-bucket.ts';
import { notingWriters, type StartStore } from './blob-subject.ts';
import type { Skip } from './check.ts';

interface S3Place {
  readonly account: S3Account;
  close(): Promise<void>;
}

interface S3SubjectOptions {
  /** An empty bucket of its own. */
  readonly openPlace: () => Promise<S3Place>;
  readonly partBytes?: number;
  /** Whether a new start happens on another machine, which has none of the first one's files. */
  readonly elsewhere?: boolean;
}

/** What an installation left behind is swept where it was staged: elsewhere nobody knows whether it still works on it. */
export const SWEPT_WHERE_STAGED: readonly Skip[] = [
  'BLB-07-crash',
  'BLB-07-fates',
  'BLB-09-no-trace',
  'BLB-10-swept',
].map((id) => ({ id, reason: 'an instance sweeps only what it staged itself' }));

/** How a test starts a store over a bucket. */
export const s3StoreStarter =
  ({ openPlace, partBytes, elsewhere = false }: S3SubjectOptions): StartStore =>
  async () => {
    const place = await openPlace();
    const parent = await mkdtemp(join(tmpdir(), 's3-blob-store-'));
    const stores: BlobStore[] = [];
    const writers: BlobWriter[] = [];
    const directory = (): string => join(parent, elsewhere ? `${stores.length}` : 'one');
    const reopen = async (): Promise<BlobStore> => {
      const bucket = await openS3Bucket(place.account);
      const store = await openS3BlobStore({
        bucket,
        directory: directory(),
        maxBlobBytes: 2 ** 33,
        ...(partBytes === undefined ? {} : { partBytes }),
      });
      stores.push(store);
      return notingWriters(store, writers);
    };
    return {
      store: await reopen(),
      reopen,
      countBlobs: async () => {
        const staged = elsewhere ? [] : await keysStaged(parent);
        return new Set([...(await keysInBucket(place.account)), ...staged]).size;
      },
      close: async () => {
        for (const writer of writers) await writer.abort().catch(() => undefined);
        for (const store of stores) await store.close();
        await rm(parent, { recursive: true, force: true });
        await place.close();
      },
    };
  };

const keysStaged = async (parent: string): Promise<readonly string[]> => {
  const entries = await readdir(parent, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name !== 'writer-id')
    .map(({ name }) => name.replace('.accepted', ''));
};

/** Of objects, tails, and uploads that are neither completed nor aborted. */
const keysInBucket = async (account: S3Account): Promise<readonly string[]> => {
  const { endpoint, region, bucket: Bucket, ...credentials } = account;
  const client = new S3Client({
    region,
    credentials,
    forcePathStyle: true,
    ...(endpoint ? { endpoint } : {}),
  });
  try {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }));
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket }));
    return [...Contents, ...Uploads].flatMap(({ Key = '' }) => Key.split('/').slice(1, 2));
  } finally {
    client.destroy();
  }
};
