import type { FileObject } from '../api/file-object.ts';
import type { Caller } from './caller.ts';
import { ClientError } from './client-error.ts';
import { openSource } from './open-source.ts';
import type { OpenedSource } from './opened-source.ts';
import { createPatience } from './patience.ts';
import type { Platform } from './platform.ts';
import { recallUpload } from './recall-upload.ts';
import { createTransfer } from './transfer.ts';
import { createTus } from './tus.ts';
import { providerText, type UploadOptions, type UploadSource } from './upload-options.ts';

export interface Uploading {
  readonly caller: Caller;
  readonly platform: Platform;
  readonly retrieve: (id: string, options: Pick<UploadOptions, 'onWait' | 'signal'>) => Promise<FileObject>;
}

/**
 * Sends a source by tus, as often as it takes. Resolves as soon as its bytes are safe; the deliveries go on. Rejects with
 * `ClientError`, with the signal's reason, with `TypeError` for a source that cannot be sent, or with what reading it
 * failed with. Ends the source in any case.
 */
export const upload = async (
  uploading: Uploading,
  source: UploadSource,
  options: UploadOptions,
): Promise<FileObject> => {
  options.signal?.throwIfAborted();
  const opened = await openSource(source, uploading.platform);
  try {
    return await sendSource(uploading, opened, options);
  } finally {
    await opened.close();
  }
};

/** Whether `resume` remembers an earlier try of the same upload, so that `upload` would go on with that. */
export const isBegun = async (
  { caller, platform }: Omit<Uploading, 'retrieve'>,
  source: UploadSource,
  options: UploadOptions,
): Promise<boolean> => {
  if (options.resume === undefined) return false;
  const opened = await openSource(source, platform);
  try {
    const recalling = { base: caller.base, source: opened, metadata: describe(opened, options), platform };
    return (await recallUpload(options.resume, recalling).find()) !== null;
  } finally {
    await opened.close();
  }
};

const sendSource = async (
  { caller, platform, retrieve }: Uploading,
  source: OpenedSource,
  options: UploadOptions,
): Promise<FileObject> => {
  const { onWait, signal, resume } = options;
  const metadata = describe(source, options);
  const recalled = recallUpload(resume, { base: caller.base, source, metadata, platform });
  const patience = createPatience(caller, options);
  const { progressed } = patience;
  const transfer = createTransfer({
    tus: createTus(caller),
    source,
    metadata,
    recalled,
    options,
    progressed,
  });
  for (;;) {
    try {
      const id = await transfer.complete();
      return await retrieve(id, { onWait, signal }).catch((error: unknown) => {
        throw withFile(error, id);
      });
    } catch (error) {
      try {
        signal?.throwIfAborted();
        await patience.bear(error);
      } catch (final) {
        await transfer.leave(final);
        throw final;
      }
    }
  }
};

/** `Upload-Metadata` as the gateway reads it. */
const describe = (
  source: OpenedSource,
  { filename = source.filename ?? undefined, mediaType, purpose, provider }: UploadOptions,
): Readonly<Record<string, string | undefined>> => {
  if (filename === undefined) throw new TypeError('The source has no name; give one as `filename`.');
  return {
    filename,
    filetype: mediaType ?? source.mediaType ?? undefined,
    purpose,
    provider: providerText(provider),
  };
};

/** The bytes are safe by then, so whoever could not be told of the file can look for it. */
const withFile = (error: unknown, fileId: string): unknown => {
  if (!(error instanceof ClientError)) return error;
  const { code, message, httpStatus, requestId, param, retryAfterMs } = error;
  return new ClientError(code, message, {
    httpStatus: httpStatus ?? undefined,
    requestId: requestId ?? undefined,
    param: param ?? undefined,
    retryAfterMs: retryAfterMs ?? undefined,
    fileId,
    cause: error,
  });
};
