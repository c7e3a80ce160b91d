import type { LocalFile } from '../admission/path-file.ts';
import type { PathPolicy } from '../admission/path-policy.ts';
import type { FileObject } from '../api/file-object.ts';
import { ClientError } from '../client/client-error.ts';
import type { ResumeStore } from '../client/resume-store.ts';
import type { RangedSource } from '../client/upload-options.ts';
import { GatewayError } from '../core/errors.ts';
import type { Connection } from './connection.ts';
import type { Files, PathToUpload } from './files.ts';

export interface ClientFilesOptions {
  readonly connection: Connection;
  /** Of the machine this runs on. */
  readonly paths: PathPolicy;
  /** The directories that `paths` allows, for whoever asks for another. */
  readonly allowedPaths: readonly string[];
  /** Where uploads that were cut off are remembered. */
  readonly resume: ResumeStore;
  /** Aborts when this side goes away. Uploads that run then are kept; those that their caller cancels are not. */
  readonly ending: AbortSignal;
}

/** Files at a gateway elsewhere, uploaded from this machine's disk. */
export const createClientFiles = (options: ClientFilesOptions): Files => {
  const { connection, ending } = options;
  // A call that its end aborts must undo nothing: that is for whoever cancels a call.
  const use: Connection['use'] = async (call) => {
    ending.throwIfAborted();
    return connection.use(call);
  };
  return {
    upload: async (wanted) => {
      const file = await options.paths.open(wanted.path).catch((error) => {
        throw explained(error, options.allowedPaths);
      });
      try {
        return await send(options, file, wanted);
      } catch (error) {
        throw error instanceof ClientError && error.cause instanceof GatewayError ? error.cause : error;
      } finally {
        await file.close();
      }
    },
    settled: (id, { waitMs, onChange, signal }) =>
      use(async (waybill): Promise<FileObject> => {
        if (waitMs === 0) return waybill.files.retrieve(id, { signal });
        const deadline = AbortSignal.timeout(Math.ceil(waitMs));
        try {
          const until = AbortSignal.any([signal, deadline]);
          return await waybill.settled(id, {
            ...(onChange === undefined ? {} : { onChange, isListening: true }),
            signal: until,
          });
        } catch (error) {
          if (signal.aborted || !deadline.aborted) throw error;
          return waybill.files.retrieve(id, { signal });
        }
      }),
    createUploadUrl: (wanted) => use((waybill) => waybill.createUploadUrl(wanted)),
    list: (query) => use((waybill) => waybill.files.list(query)),
    content: (id, { provider, start, signal }) =>
      use(async (waybill) => {
        const sizeBytes =
          provider === undefined ? (await waybill.files.retrieve(id, { signal })).bytes : null;
        const range = start === 0 ? undefined : { start };
        const { mediaType, body } = await waybill.files.content(id, { from: provider, range, signal });
        return { mediaType, sizeBytes, body };
      }),
    deliver: (id, to) => use((waybill) => waybill.deliver(id, to)),
    delete: (id, wait) => use((waybill) => waybill.files.delete(id, wait)),
    quota: (wait) => use((waybill) => waybill.quota(wait)),
    textProviders: (wait) =>
      use(async (waybill) =>
        (await waybill.providers(wait))
          .filter(({ content }) => content === 'extracted-text')
          .map(({ id }) => id),
      ),
  };
};

const send = async (
  { connection, resume, ending }: ClientFilesOptions,
  file: LocalFile,
  { provider, purpose, onProgress, signal }: PathToUpload,
): Promise<FileObject> => {
  // A connection that ends aborts every call of it, which is not what its user wanted.
  const cancelled = new AbortController();
  const cancel = (): void => {
    if (!ending.aborted) cancelled.abort(signal.reason);
  };
  signal.addEventListener('abort', cancel);
  try {
    signal.throwIfAborted();
    return await connection.use((waybill) =>
      waybill.upload(toSource(file), {
        filename: file.name,
        provider,
        purpose,
        resume,
        onProgress: ({ sentBytes }) => onProgress(sentBytes, file.sizeBytes),
        onWait: (_, why) => connection.doubt(why),
        onAbort: 'discard',
        signal: cancelled.signal,
      }),
    );
  } finally {
    signal.removeEventListener('abort', cancel);
  }
};

/** In the client's own words for a change, so that it keeps no part of what will never be whole. */
const toSource = ({ sizeBytes, identity, open }: LocalFile): RangedSource => ({
  sizeBytes,
  identity,
  open: async function* (start, end) {
    try {
      yield* open(start, end);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      throw new ClientError('source_changed', error.message, { cause: error });
    }
  },
});

/** The refusal of a path in words that help whoever runs this: it is their own machine. */
const explained = (error: unknown, allowedPaths: readonly string[]): unknown => {
  if (!(error instanceof GatewayError) || error.code !== 'path_not_allowed') return error;
  const message =
    allowedPaths.length === 0
      ? 'No file of this machine may be read yet. Ask the user to name the folders whose files may be uploaded, as ALLOWED_PATHS in the "env" of this server in the MCP client\'s configuration, and to restart it.'
      : `This path may not be read. Files in these folders may: ${allowedPaths.join(', ')}. For others the user has to add a folder to ALLOWED_PATHS in the "env" of this server in the MCP client's configuration, and restart it.`;
  return new GatewayError('path_not_allowed', message, { param: 'path', cause: error });
};
