import { createHash } from 'node:crypto';
import { GatewayError } from '../core/errors.ts';

/** In the order in which they are offered; tus 1.0.0 demands sha1. */
export const checksumAlgorithms = ['sha256', 'sha1'] as const;
const DIGEST_BYTES: Readonly<Record<(typeof checksumAlgorithms)[number], number>> = { sha256: 32, sha1: 20 };

export interface UploadChecksum {
  readonly algorithm: (typeof checksumAlgorithms)[number];
  readonly digest: Buffer;
}

/** `Upload-Checksum`: an algorithm and a digest in Base64. Rejects an algorithm that is not offered with `invalid_request`. */
export const parseUploadChecksum = (header: string | string[] | undefined): UploadChecksum | null => {
  if (header === undefined) return null;
  const [name, base64 = '', ...rest] = typeof header === 'string' ? header.trim().split(' ') : [];
  const algorithm = checksumAlgorithms.find((known) => known === name);
  if (algorithm === undefined)
    throw invalid(`Upload-Checksum must begin with one of ${checksumAlgorithms.join(', ')}.`);
  const digest = Buffer.from(base64, 'base64');
  if (rest.length > 0 || digest.length !== DIGEST_BYTES[algorithm] || digest.toString('base64') !== base64)
    throw invalid(`Upload-Checksum must have a ${algorithm} digest in Base64 behind the algorithm.`);
  return { algorithm, digest };
};

/** The body; at its end, rejects with `checksum_mismatch` when it was another. */
export async function* verified(
  body: AsyncIterable<Buffer>,
  { algorithm, digest }: UploadChecksum,
): AsyncGenerator<Buffer> {
  const hash = createHash(algorithm);
  for await (const chunk of body) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest().equals(digest)) return;
  throw new GatewayError(
    'checksum_mismatch',
    `The ${algorithm} of the body is not what Upload-Checksum says; none of it was kept, so send it again.`,
    { param: 'Upload-Checksum' },
  );
}

const invalid = (message: string): GatewayError =>
  new GatewayError('invalid_request', message, { param: 'Upload-Checksum' });
