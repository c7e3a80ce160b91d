import type { FileObject } from '../api/file-object.ts';
import { ClientError } from './client-error.ts';
import type { Sha256 } from './platform.ts';

/**
 * The bytes as they come, which fail with `checksum_mismatch` at their end unless they are those of the file: what
 * they were written to is not to be used then.
 */
export async function* verified(
  { id, bytes, sha256 }: Pick<FileObject, 'id' | 'bytes' | 'sha256'>,
  body: AsyncIterable<Uint8Array>,
  hash: Sha256,
): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const chunk of body) {
    hash.update(chunk);
    sizeBytes += chunk.length;
    yield chunk;
  }
  const found = hash.hex();
  if (sizeBytes === bytes && found === sha256) return;
  const message = `What came for ${id} is not the file (${sizeBytes} bytes with SHA-256 ${found}, not ${bytes} with ${sha256}); download it again.`;
  throw new ClientError('checksum_mismatch', message, { fileId: id });
}
