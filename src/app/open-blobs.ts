import { join } from 'node:path';
import type { BlobStore } from '../core/blob-store.ts';
import type { Config } from '../platform/config.ts';
import { StartupError } from '../platform/startup-error.ts';
import { openDiskBlobStore } from '../staging/disk-blob-store.ts';
import { openS3BlobStore } from '../staging/s3-blob-store.ts';
import { openS3Bucket, type S3Account } from '../staging/s3-bucket.ts';

const EX_CONFIG = 78;

/**
 * The master copies, where `BLOB_STORE` says. Rejects with `StartupError` when variables are missing, or the bucket is not
 * to be used. With a bucket, bytes on their way to it are staged beside what is kept with `disk`, and never mixed with it.
 */
export const openBlobs = async (config: Config, dataDirectory: string): Promise<BlobStore> => {
  if (config.BLOB_STORE === 'disk') return await openDiskBlobStore(join(dataDirectory, 'blobs'));
  const bucket = await openS3Bucket(accountOf(config));
  const directory = join(dataDirectory, 'staging');
  return await openS3BlobStore({ bucket, directory, maxBlobBytes: config.MAX_FILE_BYTES });
};

const accountOf = (config: Config): S3Account => {
  const { S3_BUCKET: bucket, S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = config;
  if (bucket === undefined || accessKeyId === undefined || secretAccessKey === undefined) {
    const names = ['S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] as const;
    const missing = names.filter((name) => config[name] === undefined).join(', ');
    throw new StartupError(`BLOB_STORE=s3 needs ${missing}; set them, or BLOB_STORE=disk.`, {
      exitCode: EX_CONFIG,
    });
  }
  return { endpoint: config.S3_ENDPOINT, region: config.S3_REGION, bucket, accessKeyId, secretAccessKey };
};
