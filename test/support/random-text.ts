import { randomBytes } from 'node:crypto';

/** Bytes that no other file has, and that are text: under a name or a type of text, random bytes are refused. */
export const randomText = (sizeBytes: number): Buffer =>
  Buffer.from(randomBytes(Math.ceil((sizeBytes * 3) / 4) + 1).toString('base64'), 'latin1').subarray(
    0,
    sizeBytes,
  );
