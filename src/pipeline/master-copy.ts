import { BlobMissingError, type BlobRange } from '../core/blob-store.ts';
import { GatewayError } from '../core/errors.ts';
import type { TrackedFile } from '../core/file.ts';
import type { Dependencies } from './dependencies.ts';

/** Rejects with `content_unavailable` when there is no master copy of the file: it was imported, or its bytes were lost. */
export const requireMaster = ({ id, purgedAt }: Pick<TrackedFile, 'id' | 'purgedAt'>): void => {
  if (purgedAt === null) return;
  throw new GatewayError(
    'content_unavailable',
    `The original bytes of ${id} are not here, only copies at providers; upload the file again to have them.`,
    { param: 'id' },
  );
};

/** The bytes of a master copy. Rejects with `content_unavailable` when they are gone although the record has them. */
export async function* readMaster(
  { blobs, log }: Pick<Dependencies, 'blobs' | 'log'>,
  blobKey: string,
  range: BlobRange,
): AsyncGenerator<Buffer> {
  try {
    yield* blobs.read(blobKey, range);
  } catch (error) {
    if (!(error instanceof BlobMissingError)) throw error;
    log.error({ event: 'master_copy_missing', blob: blobKey, err: error });
    const message =
      'The original bytes of this file are lost; its operator can restore them from a backup, or upload the file again.';
    throw new GatewayError('content_unavailable', message, { param: 'id', cause: error });
  }
}
