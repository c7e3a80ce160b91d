import type { FileObject } from '../api/file-object.ts';
import type { Caller } from './caller.ts';
import { ClientError } from './client-error.ts';
import { isFileObject } from './recognise.ts';
import { providerText, type UploadOptions } from './upload-options.ts';

/** Bytes by their digest, which may be at the gateway already. */
export interface KnownUpload
  extends Pick<UploadOptions, 'mediaType' | 'purpose' | 'provider' | 'onWait' | 'signal'> {
  readonly filename: string;
  /** Of all the bytes, hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/**
 * Makes a file of bytes that the caller has at the gateway already, as another file, without sending them. Resolves with
 * null when that is not so, or the gateway is too old to tell: then the bytes have to be sent.
 */
export const uploadKnown = async (caller: Caller, known: KnownUpload): Promise<FileObject | null> => {
  const { sha256, sizeBytes: bytes, filename, mediaType: media_type, purpose, onWait, signal } = known;
  const provider = providerText(known.provider);
  const headers = { 'content-type': 'application/json', prefer: 'respond-async' };
  const body = JSON.stringify({ sha256, bytes, filename, media_type, purpose, provider });
  try {
    return await caller.json(
      { method: 'POST', path: '/v1/files', headers, body, onWait, signal },
      isFileObject,
    );
  } catch (error) {
    const isUnknown = error instanceof ClientError && NOT_HERE.has(error.code);
    if (isUnknown) return null;
    throw error;
  }
};

const NOT_HERE: ReadonlySet<string> = new Set(['not_found', 'unsupported_media_type']);
