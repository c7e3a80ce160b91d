import type { S3Bucket } from './s3-bucket.ts';

/** The object of a blob, and the one to which its multipart upload leads. */
export const objectName = (key: string): string => `blobs/${key}`;

const tailPrefix = (key: string): string => `growing/${key}/`;

/**
 * The object that has the tail of a blob that was made durable at this size. Each has a name of its own, so that a late
 * write changes nothing of what was told before.
 */
export const tailName = (key: string, sizeBytes: number): string => `${tailPrefix(key)}${sizeBytes}`;

/** At which sizes a blob has tails, the largest first. */
export const tailsOf = async (bucket: S3Bucket, key: string): Promise<number[]> => {
  const names = await bucket.namesUnder(tailPrefix(key));
  return names.map((name) => Number(name.slice(tailPrefix(key).length))).toSorted((a, b) => b - a);
};

/** Those that the bucket has of a blob, or those named. */
export const removeTails = async (
  bucket: S3Bucket,
  key: string,
  sizes?: readonly number[],
): Promise<void> => {
  const gone = sizes ?? (await tailsOf(bucket, key));
  await Promise.all(gone.map((sizeBytes) => bucket.remove(tailName(key, sizeBytes))));
};

/** Takes away all that a bucket has of a blob. Succeeds when there is nothing. */
export const clearObjects = async (bucket: S3Bucket, key: string): Promise<void> => {
  await Promise.all([
    bucket.remove(objectName(key)),
    removeTails(bucket, key),
    abortUploads(bucket, key, null),
  ]);
};

/** Aborts the multipart uploads of a blob but the one to go on with. */
export const abortUploads = async (bucket: S3Bucket, key: string, except: string | null): Promise<void> => {
  const uploads = await bucket.uploadsOf(objectName(key));
  await Promise.all(
    uploads.filter(({ uploadId }) => uploadId !== except).map((upload) => bucket.abort(upload)),
  );
};
