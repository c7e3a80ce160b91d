import type { LocalFile } from '../admission/path-file.ts';
import { cleanFilename } from '../core/filename.ts';
import type { UploadOptions } from '../core/incoming.ts';
import { mediaTypeOf } from '../ingest/media-type.ts';
import type { Dependencies } from './dependencies.ts';
import { receiveFile } from './receive-file.ts';
import type { Received } from './reception.ts';

/** A file on the gateway's own disk that a client names. */
export interface PathUpload {
  /** As the client wrote it: a Windows or a POSIX path. */
  readonly path: string;
  /** As the client wrote it; default the last name of the path. */
  readonly filename?: string | undefined;
  readonly mediaType?: string | undefined;
  readonly options: UploadOptions;
  readonly idempotencyKey: string | null;
  /** Called with the bytes taken so far, which never fall, and the size. */
  readonly onProgress?: ((takenBytes: number, sizeBytes: number) => void) | undefined;
  /** Aborted before all bytes are taken, nothing is kept, and its reason is what this rejects with. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Takes a file in from the gateway's own disk, as far as the path policy lets it be read, and closes it whatever comes of
 * it. Rejects as the policy and `receiveFile` do, and with `incomplete_body` when the file was changed while it was read.
 */
export const receivePath = async (
  dependencies: Dependencies,
  owner: string,
  { path, filename: rawName, mediaType, options, idempotencyKey, onProgress, signal }: PathUpload,
): Promise<Received> => {
  const file = await dependencies.paths.open(path);
  try {
    const filename = cleanFilename(rawName ?? file.name);
    return await receiveFile(dependencies, owner, {
      via: 'path',
      filename,
      mediaType: mediaTypeOf(mediaType, filename),
      sizeBytes: file.sizeBytes,
      idempotencyKey,
      body: watched(file, { onProgress, signal }),
      options,
      finalOptions: () => options,
    });
  } finally {
    await file.close();
  }
};

async function* watched(
  { body, sizeBytes }: Pick<LocalFile, 'body' | 'sizeBytes'>,
  { onProgress, signal }: Pick<PathUpload, 'onProgress' | 'signal'>,
): AsyncGenerator<Buffer> {
  let takenBytes = 0;
  onProgress?.(takenBytes, sizeBytes);
  for await (const chunk of body) {
    signal?.throwIfAborted();
    yield chunk;
    takenBytes += chunk.length;
    onProgress?.(takenBytes, sizeBytes);
  }
  signal?.throwIfAborted();
}
