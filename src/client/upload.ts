import { Readable } from 'node:stream';
import type { FileObject } from '../api/file-object.ts';
import type { Caller } from './caller.ts';
import { ClientError } from './client-error.ts';
import { isFileObject } from './recognise.ts';

export interface Upload {
  readonly filename: string;
  /** Opens the bytes from the start; called once. The client ends the iteration, and destroys a stream. */
  readonly open: () => AsyncIterable<Buffer> | Readable;
  /** The size where it is known beforehand, so that the gateway can refuse before a byte is sent. */
  readonly sizeBytes: number | null;
  readonly mediaType?: string | undefined;
  readonly purpose?: string | undefined;
  /** `auto`, `none`, or names with commas between. */
  readonly provider?: string | undefined;
  /** Called with the total of bytes handed to the network so far. */
  readonly onProgress?: (sentBytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends a file as the body of one PUT. Resolves as soon as its bytes are safe; the deliveries go on. Rejects with
 * `ClientError`, with the signal's reason, or with what reading the source failed with; the gateway then keeps nothing.
 */
export const upload = async (caller: Caller, file: Upload): Promise<FileObject> => {
  const { filename, sizeBytes, mediaType, purpose, provider, signal } = file;
  const source: Source = { fault: null, opened: null };
  // A stream rather than the bare generator: it is destroyed, and so the source closed, when the request ends early.
  const body = Readable.from(counted(file, source), { objectMode: false, highWaterMark: 1 });
  try {
    return await caller.json(
      {
        method: 'PUT',
        path: '/v1/files',
        query: { filename, purpose, provider },
        headers: {
          prefer: 'respond-async',
          'content-type': mediaType ?? 'application/octet-stream',
          ...(sizeBytes === null ? {} : { 'content-length': String(sizeBytes) }),
        },
        body,
        signal,
      },
      isFileObject,
    );
  } catch (error) {
    throw signal?.aborted ? signal.reason : (source.fault ?? error);
  } finally {
    body.destroy();
    // Not left to the iteration: one that waits for bytes that never come cannot be ended.
    if (source.opened instanceof Readable) source.opened.destroy();
  }
};

interface Source {
  /** Why reading failed; that is no fault of the network's and is passed on as it is. */
  fault: unknown;
  opened: AsyncIterable<Buffer> | null;
}

/** The bytes of the source, counted, and held to the size announced, which cannot be taken back. */
async function* counted(
  { filename, open, sizeBytes, onProgress }: Upload,
  source: Source,
): AsyncGenerator<Buffer> {
  let sentBytes = 0;
  try {
    source.opened = open();
    for await (const chunk of source.opened) {
      sentBytes += chunk.length;
      if (sizeBytes !== null && sentBytes > sizeBytes) throw changed(filename);
      yield chunk;
      onProgress?.(sentBytes);
    }
    if (sizeBytes !== null && sentBytes < sizeBytes) throw changed(filename);
  } catch (error) {
    source.fault = error;
    throw error;
  }
}

const changed = (filename: string): ClientError =>
  new ClientError('source_changed', `${filename} changed while it was being sent; send it again.`);
