/**
 * Gemini Developer API, Files: https://ai.google.dev/api/files
 * A file is sent by Google's resumable protocol, may be processed for minutes, and is deleted after 48 hours. One that
 * is not there is a 403, as if it were somebody else's. Uploads are never given back, and there are no purposes.
 */
import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import type { AcceptedPurpose, CallOptions, Capabilities, Provider, RemoteFile } from '../core/provider.ts';
import { type AdapterOptions, remoteIdShape } from './adapter.ts';
import { deleteFile } from './file-calls.ts';
import { CHUNK_BYTES, uploadResumably } from './gemini-upload.ts';
import { createHttpCaller, type HttpCaller, isTransient, type Refusal, type Verdict } from './http-call.ts';

const fileShape = z.object({
  name: z
    .string()
    .regex(/^files\//u)
    .transform((name) => name.slice('files/'.length))
    .pipe(remoteIdShape),
  displayName: z.string().nullish(),
  sizeBytes: z.coerce.number().int().nonnegative().nullish(),
  createTime: z.string().nullish(),
  expirationTime: z.string().nullish(),
  state: z.string().nullish(),
  error: z.object({ message: z.string().nullish() }).nullish(),
});
/** The end of an upload wraps the file, reading it does not. */
const uploadedShape = z.object({ file: fileShape });
/** `files` is absent where there are none; an object of anything else is no list. */
const listShape = z.union([
  z.object({ files: z.array(fileShape), nextPageToken: z.string().nullish() }),
  z.strictObject({ nextPageToken: z.string().nullish() }).transform((page) => ({ ...page, files: [] })),
]);
const deletedShape = z.strictObject({});
const detailShape = z.object({
  reason: z.string().nullish(),
  retryDelay: z.string().nullish(),
  violations: z.array(z.object({ quotaMetric: z.string().nullish() })).nullish(),
});
const errorShape = z.object({
  // A file that failed to be processed has an `error` as well.
  name: z.undefined().optional(),
  error: z.object({
    code: z.number().nullish().catch(null),
    message: z.string().nullish(),
    status: z.string().nullish(),
    details: z.array(detailShape).nullish().catch(null),
  }),
});

const LIFETIME_MS = 48 * 3_600_000;
const PAGE_SIZE = 100;
/** 100,000 files; of 48 hours and 20 GB, more is a list without an end. */
const MAX_PAGES = 1_000;
/** There are no purposes and no list of types; what a model makes of a file shows when it is used. */
const ANY_FILE: AcceptedPurpose = { purpose: 'file', extensions: null };

const capabilities = (limits: AdapterOptions['limits']): Capabilities => ({
  ...limits,
  purposes: { user_data: ANY_FILE, assistants: ANY_FILE, vision: ANY_FILE, video: ANY_FILE },
  lifetimeMs: LIFETIME_MS,
  chunkBytes: CHUNK_BYTES,
  content: 'none',
  concurrency: 4,
});

export const createGemini = (options: AdapterOptions): Provider => {
  const http = createHttpCaller({
    name: 'Gemini',
    judge,
    credentials: (apiKey) => ({ 'x-goog-api-key': apiKey }),
    ...options,
  });
  const file = (id: string) => ({ path: `${FILES}/${encodeURIComponent(id)}`, namesFile: true });
  return {
    id: 'gemini',
    account: options.account,
    emulated: options.emulated,
    capabilities: capabilities(options.limits),
    upload: async (request) => {
      const { filename, sizeBytes, signal } = request;
      const displayName = filename.toWellFormed().replace(UNPRINTABLE, '_');
      const uploaded = await uploadResumably({
        http,
        path: `/upload${FILES}`,
        host: new URL(options.baseUrl).host,
        description: { file: { displayName } },
        request,
        shape: uploadedShape,
        find: async () => {
          const isIt = (found: z.output<typeof fileShape>): boolean =>
            found.displayName === displayName && found.sizeBytes === sizeBytes;
          for await (const found of listAll(http, { signal })) if (isIt(found)) return { file: found };
          return null;
        },
      });
      return toRemoteFile(uploaded.file, http.quote);
    },
    retrieve: async (id, { signal }) =>
      toRemoteFile(await http.json({ method: 'GET', ...file(id), signal }, fileShape), http.quote),
    list: async function* (callOptions) {
      for await (const listed of listAll(http, callOptions)) yield toRemoteFile(listed, http.quote);
    },
    content: async () => {
      throw new GatewayError(
        'content_unavailable',
        'Gemini does not give the content of files back; ask without `from` for the original bytes.',
      );
    },
    remove: (id, callOptions) => deleteFile(http, file(id), callOptions, deletedShape),
  };
};

const FILES = '/v1beta/files';
const UNPRINTABLE = /\p{Cc}/gu;

async function* listAll(
  http: HttpCaller,
  { signal }: CallOptions,
): AsyncGenerator<z.output<typeof fileShape>> {
  const seen = new Set<string>();
  const tokens = new Set<string>();
  let pageToken = '';
  do {
    const query = { pageSize: String(PAGE_SIZE), ...(pageToken === '' ? {} : { pageToken }) };
    const page = await http.json({ method: 'GET', path: FILES, query, signal }, listShape);
    for (const file of page.files) {
      if (!seen.has(file.name)) yield file;
      seen.add(file.name);
    }
    pageToken = page.nextPageToken ?? '';
    // Cut short, a list would say that files are missing which are there.
    if (tokens.has(pageToken) || tokens.size > MAX_PAGES)
      throw new GatewayError('provider_unavailable', 'Gemini gave a list of files that does not end.');
    tokens.add(pageToken);
  } while (pageToken !== '');
}

/** Google's error model: https://google.aip.dev/193. There is no `Retry-After`; the wait is among the details. */
const judge = ({ status, json, headers }: Refusal): Verdict | null => {
  const parsed = errorShape.safeParse(json);
  if (!parsed.success) return isOver(status, headers['x-goog-upload-status']) ? OVER : null;
  const { error } = parsed.data;
  const message = error.message ?? error.status ?? '';
  const details = error.details ?? [];
  const real = status < 300 ? (error.code ?? 500) : status;
  const isKeyBad = details.some(({ reason }) => reason?.startsWith('API_KEY_'));
  if (real === 404 || (real === 403 && /may not exist/iu.test(message)))
    return { code: 'not_found', message };
  if (isKeyBad || real === 401 || real === 403) return { code: 'provider_unauthorized', message };
  if (real === 429 && isStorageFull(details)) return { code: 'provider_quota_exceeded', message };
  if (isTransient(real)) return { code: 'provider_unavailable', message, retryAfterMs: waitOf(details) };
  return { code: 'provider_rejected', message };
};

/** The upload protocol's own answers are in plain text. Of an upload that is over, nobody but the next one is to hear. */
const isOver = (status: number, uploadStatus: unknown): boolean =>
  status === 410 || (status === 400 && (uploadStatus === 'final' || uploadStatus === 'cancelled'));

const OVER: Verdict = { code: 'provider_unavailable', message: 'the upload is over', retry: 'never' };

type Details = readonly z.output<typeof detailShape>[];

const isStorageFull = (details: Details): boolean =>
  details.some(({ violations }) =>
    violations?.some(({ quotaMetric }) => quotaMetric?.includes('file_storage')),
  );

/** A protobuf duration, such as `12s` or `0.5s`. */
const waitOf = (details: Details): number | undefined => {
  const [, seconds] =
    details.map(({ retryDelay }) => /^(\d{1,6}(?:\.\d+)?)s$/u.exec(retryDelay ?? '')).find(Boolean) ?? [];
  return seconds === undefined ? undefined : Math.ceil(Number(seconds) * 1_000);
};

const toRemoteFile = (file: z.output<typeof fileShape>, quote: (words: string) => string): RemoteFile => ({
  id: file.name,
  filename: file.displayName ?? null,
  sizeBytes: file.sizeBytes ?? null,
  purpose: null,
  createdAt: instant(file.createTime),
  expiresAt: instant(file.expirationTime),
  state: STATES.get(file.state ?? '') ?? 'processing',
  detail: quote(file.error?.message ?? '') || null,
});

const STATES: ReadonlyMap<string, RemoteFile['state']> = new Map([
  ['ACTIVE', 'ready'],
  ['FAILED', 'failed'],
]);

const instant = (text: string | null | undefined): Date | null => {
  const date = new Date(text ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? null : date;
};
