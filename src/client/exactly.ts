import { ClientError } from './client-error.ts';

/** The bytes, held to a size that was announced and cannot be taken back. Fails with `source_changed`. */
export async function* exactly(
  chunks: AsyncIterable<Uint8Array>,
  sizeBytes: number,
): AsyncGenerator<Uint8Array> {
  let leftBytes = sizeBytes;
  for await (const chunk of chunks) {
    leftBytes -= chunk.length;
    if (leftBytes < 0) throw sourceChanged();
    yield chunk;
  }
  if (leftBytes > 0) throw sourceChanged();
}

export const sourceChanged = (cause?: unknown): ClientError =>
  new ClientError('source_changed', 'The file changed while it was being sent; send it again.', { cause });
