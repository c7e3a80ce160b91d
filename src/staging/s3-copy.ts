import type { S3Bucket } from './s3-bucket.ts';

const GIB = 2 ** 30;

/**
 * Copies an object within its bucket. Above `mostBytes`, by default the 5 GiB that S3 copies in one call, in parts. What
 * a failure leaves is the caller's to take away.
 */
export const copyObject = async (
  bucket: S3Bucket,
  { from, to, sizeBytes }: { readonly from: string; readonly to: string; readonly sizeBytes: number },
  { mostBytes = 5 * GIB, partBytes = GIB } = {},
): Promise<void> => {
  if (sizeBytes <= mostBytes) return await bucket.copy(from, to);
  const upload = await bucket.beginUpload(to);
  const parts = [];
  for (let start = 0; start < sizeBytes; start += partBytes) {
    const end = Math.min(start + partBytes, sizeBytes);
    parts.push(await bucket.copyPart(upload, parts.length + 1, { name: from, start, end }));
  }
  await bucket.complete(upload, parts);
};
