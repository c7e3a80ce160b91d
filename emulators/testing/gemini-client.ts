import type { EmulatorOptions } from '../emulator.ts';
import { type GeminiVariants, startGeminiEmulator } from '../gemini.ts';
import {
  API_KEY,
  type CallOptions,
  type EmulatorClient,
  type Reply,
  startClient,
} from './emulator-client.ts';

/** Small, so that a test needs few bytes for many chunks. */
export const GRANULARITY_BYTES = 4_096;

interface Announcing {
  readonly file?: Readonly<Record<string, unknown>>;
  /** Left out of the request when null. */
  readonly sizeBytes?: number | null;
  readonly mimeType?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

interface SendOptions extends Omit<CallOptions, 'headers'> {
  readonly offset?: number | string;
  readonly method?: 'POST' | 'PUT';
}

/** A client of a Gemini emulator: calls carry the key, those at an upload under way do not. */
export interface GeminiClient extends EmulatorClient {
  start(announcing?: Announcing): Promise<Reply>;
  /** Starts an upload and returns the path of its URL. */
  begin(announcing?: Announcing): Promise<string>;
  send(uploadPath: string, command: string, options?: SendOptions): Promise<Reply>;
  /** Uploads in one request after the start; returns the File resource. */
  put(bytes: Buffer | string, announcing?: Announcing): Promise<Record<string, unknown>>;
  query(uploadPath: string): Promise<{ http: number; status: unknown; received: number }>;
}

/** Starts an emulator with a small granularity, unless told otherwise. The caller closes the client. */
export const startGemini = async (
  options: Partial<EmulatorOptions> & { readonly variants?: Partial<GeminiVariants> } = {},
): Promise<GeminiClient> => {
  const variants = { granularityBytes: GRANULARITY_BYTES, ...options.variants };
  const client = await startClient(startGeminiEmulator, { ...options, variants });
  const api: EmulatorClient['api'] = (method, path, { headers, ...rest } = {}) =>
    client.api(method, path, { headers: { 'x-goog-api-key': API_KEY, ...headers }, ...rest });
  const start: GeminiClient['start'] = ({ file = {}, sizeBytes = null, mimeType, headers } = {}) =>
    api('POST', '/upload/v1beta/files', {
      headers: {
        'content-type': 'application/json',
        'x-goog-upload-protocol': 'resumable',
        'x-goog-upload-command': 'start',
        ...(sizeBytes === null ? {} : { 'x-goog-upload-header-content-length': String(sizeBytes) }),
        ...(mimeType === null ? {} : { 'x-goog-upload-header-content-type': mimeType ?? 'text/plain' }),
        ...headers,
      },
      body: JSON.stringify({ file }),
    });
  const begin: GeminiClient['begin'] = async (announcing) => {
    const reply = await start(announcing);
    const url = URL.parse(String(reply.headers['x-goog-upload-url']));
    if (url === null) throw new Error(`no upload started: ${reply.status} ${reply.text}`);
    return `${url.pathname}${url.search}`;
  };
  const send: GeminiClient['send'] = (path, command, { offset, method = 'POST', ...rest } = {}) =>
    client.api(method, path, {
      headers: {
        authorization: '',
        'x-goog-upload-command': command,
        ...(offset === undefined ? {} : { 'x-goog-upload-offset': String(offset) }),
      },
      ...rest,
    });
  return {
    ...client,
    api,
    start,
    begin,
    send,
    put: async (bytes, announcing) => {
      const path = await begin({ sizeBytes: Buffer.byteLength(bytes), ...announcing });
      const body = Buffer.from(bytes);
      const reply = await send(path, 'upload, finalize', { offset: 0, body });
      return reply.json<{ file: Record<string, unknown> }>().file;
    },
    query: async (path) => {
      const { status, headers } = await send(path, 'query');
      const received = Number(headers['x-goog-upload-size-received']);
      return { http: status, status: headers['x-goog-upload-status'], received };
    },
  };
};

/** Runs `use` with a client of an emulator that lives as long. */
export const withGemini = async <T>(use: (client: GeminiClient) => Promise<T>): Promise<T> => {
  const client = await startGemini();
  return use(client).finally(client.close);
};
