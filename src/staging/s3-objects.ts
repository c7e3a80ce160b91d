import type { S3Bucket } from './s3-bucket.ts';

/** The object of a blob, and the one to which its multipart upload leads. */
export const objectName = (key: string): string => `blobs/${key}`;

/** The object that has the tail of a blob that still grows. */
export const tailName = (key: string): string => `growing/${key}`;

/** Takes away all that a bucket has of a blob. Succeeds when there is nothing. */
export const clearObjects = async (bucket: S3Bucket, key: string): Promise<void> => {
  await Promise.all([
    bucket.remove(objectName(key)),
    bucket.remove(tailName(key)),
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
