import { S3ServiceException } from '@aws-sdk/client-s3';
import { BlobMissingError } from '../core/blob-store.ts';
import { GatewayError, systemCode } from '../core/errors.ts';

/** The multipart upload was completed, aborted, or ended by the bucket's lifecycle rule. */
export class UploadGoneError extends Error {
  override readonly name = 'UploadGoneError';
}

/** What S3-compatible servers say when they have no room left. */
const FULL = new Set([
  'QuotaExceeded',
  'QuotaExceededException',
  'XMinioStorageFull',
  'InsufficientStorage',
  'InsufficientCapacity',
]);

export const isStatus = (error: unknown, status: number): boolean =>
  error instanceof S3ServiceException && error.$metadata.httpStatusCode === status;

/** The status or the system's code of a failed exchange, without a word of the endpoint's. */
export const reasonOf = (error: unknown): string => {
  if (error instanceof S3ServiceException)
    return `${error.name}, HTTP status ${error.$metadata.httpStatusCode ?? 'unknown'}`;
  return systemCode(error) ?? (error instanceof Error ? error.name : 'unknown error');
};

/**
 * What a failed exchange with the bucket means: `BlobMissingError`, `UploadGoneError`, or a `GatewayError` of code
 * `insufficient_storage` or `unavailable`, with what the endpoint said reduced to its code.
 */
export const toStoreError = (error: unknown): Error => {
  if (error instanceof GatewayError || error instanceof BlobMissingError) return error;
  if (error instanceof S3ServiceException) {
    if (error.name === 'NoSuchUpload') return new UploadGoneError('This multipart upload is not there.');
    const isMissing = error.name === 'NoSuchKey' || error.name === 'NotFound';
    if (isMissing) return new BlobMissingError('There is no such object in the bucket.');
  }
  const cause = new Error(`The object storage failed: ${reasonOf(error)}.`);
  if (isStatus(error, 507) || (error instanceof Error && FULL.has(error.name))) {
    const message = 'The object storage is full; nothing was kept. Try again later.';
    return new GatewayError('insufficient_storage', message, { cause });
  }
  const message = 'The object storage cannot do this just now. Try again shortly.';
  return new GatewayError('unavailable', message, { cause });
};
