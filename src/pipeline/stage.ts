import { randomBytes } from 'node:crypto';
import type { BlobStore, CommittedBlob } from '../core/blob-store.ts';
import { GatewayError } from '../core/errors.ts';
import type { Incoming } from '../core/incoming.ts';

/** Bytes that rest safely and that no record names yet. */
export interface Staged extends CommittedBlob {
  readonly blobKey: string;
}

/** Writes the body into a new blob. Rejects and leaves nothing when it is empty, over the limit, or not as long as announced. */
export const stage = async (blobs: BlobStore, incoming: Incoming, maxFileBytes: number): Promise<Staged> => {
  const blobKey = randomBytes(16).toString('hex');
  const writer = await blobs.create(blobKey);
  try {
    let receivedBytes = 0;
    for await (const chunk of incoming.body) {
      receivedBytes += chunk.length;
      if (receivedBytes > maxFileBytes) throw tooLarge(maxFileBytes);
      await writer.write(chunk);
    }
    checkSize(receivedBytes, incoming.sizeBytes);
    return { blobKey, ...(await writer.commit()) };
  } catch (error) {
    await writer.abort();
    throw error;
  }
};

const tooLarge = (maxFileBytes: number): GatewayError =>
  new GatewayError('file_too_large', `The file has more than the ${maxFileBytes} bytes that are accepted.`, {
    param: 'file',
  });

const checkSize = (receivedBytes: number, announcedBytes: number | null): void => {
  if (announcedBytes !== null && receivedBytes !== announcedBytes) {
    throw new GatewayError(
      'incomplete_body',
      `The body ended after ${receivedBytes} of ${announcedBytes} bytes; send the file again.`,
    );
  }
  if (receivedBytes === 0) {
    throw new GatewayError('empty_file', 'The file is empty; send one with at least one byte.', {
      param: 'file',
    });
  }
};
