import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import type { S3Part, S3Upload } from './s3-bucket.ts';

/**
 * What a blob that is still growing has in the bucket: the parts of its multipart upload and, because S3 takes no small
 * ones, the bytes after them, which rest in an object of their own together with all that is needed to go on.
 */
export interface S3Tail {
  /** Who wrote it: whose local copy has at least as much. */
  readonly writerId: string;
  readonly upload: S3Upload | null;
  /** All of the upload's parts that count, from the first. */
  readonly parts: readonly S3Part[];
  /** How many bytes of the blob the parts have. */
  readonly startBytes: number;
  /** The bytes from there on. */
  readonly bytes: Buffer;
}

const header = z.object({
  writerId: z.string(),
  upload: z.object({ name: z.string(), uploadId: z.string() }).nullable(),
  parts: z.array(z.object({ etag: z.string(), crc32: z.string().optional() })),
  startBytes: z.number().int().nonnegative(),
});

/** A line of JSON and then the bytes: not every S3 keeps what is put beside an object. */
export const encodeTail = ({ bytes, ...rest }: S3Tail): Buffer =>
  Buffer.concat([Buffer.from(`${JSON.stringify(rest)}\n`), bytes]);

export const decodeTail = (encoded: Buffer): S3Tail => {
  const end = encoded.indexOf('\n');
  try {
    return {
      ...header.parse(JSON.parse(encoded.toString('utf8', 0, end))),
      bytes: encoded.subarray(end + 1),
    };
  } catch (error) {
    throw new GatewayError('unavailable', 'What was stored of this upload cannot be read.', { cause: error });
  }
};
