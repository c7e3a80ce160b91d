/**
 * Kimi (Moonshot AI) Files API: https://platform.kimi.ai/docs/api/files-upload
 * Text is extracted inside the upload call, so refusals of the content arrive as the upload's own 400.
 * The list has no pages, content is the extracted text and never the original, and files stay until deleted.
 */
import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import type { Capabilities, Provider, RemoteFile } from '../core/provider.ts';
import { type AdapterOptions, remoteIdShape, toDate } from './adapter.ts';
import { deleteFile, postForm } from './file-calls.ts';
import { createHttpCaller, isTransient, type Refusal, type Verdict } from './http-call.ts';

const fileShape = z.object({
  id: remoteIdShape,
  bytes: z.number().nullish(),
  created_at: z.number().nullish(),
  filename: z.string().nullish(),
  purpose: z.string().nullish(),
  status: z.string().nullish(),
  status_details: z.string().nullish(),
  status_detail: z.string().nullish(),
});
// Null where there is no file; a list that is missing is none.
const listShape = z.object({ data: z.array(fileShape).nullable(), has_more: z.boolean().nullish() });
const deletedShape = z.object({ deleted: z.literal(true) });
const errorShape = z.object({ error: z.object({ message: z.string(), type: z.string().nullish() }) });

const DOCUMENTS = new Set(
  `pdf txt csv doc docx xls xlsx ppt pptx md jpg jpeg png bmp gif svg svgz webp ico xbm dib pjp tif pjpeg avif dot apng epub tiff
   jfif html json mobi log go h c cpp cxx cc cs java js css jsp php py py3 asp yaml yml ini conf ts tsx`.split(
    /\s+/u,
  ),
);
const IMAGES = new Set(['jpg', 'jpeg', 'png', 'gif', 'webp', 'bmp', 'avif', 'apng', 'tif', 'tiff']);
const VIDEOS = new Set(['mp4', 'mpeg', 'mov', 'avi', 'flv', 'mpg', 'webm', 'wmv', '3gp', '3gpp']);

const capabilities = (limits: AdapterOptions['limits']): Capabilities => ({
  ...limits,
  purposes: {
    user_data: { purpose: 'file-extract', extensions: DOCUMENTS },
    assistants: { purpose: 'file-extract', extensions: DOCUMENTS },
    'file-extract': { purpose: 'file-extract', extensions: DOCUMENTS },
    vision: { purpose: 'image', extensions: IMAGES },
    image: { purpose: 'image', extensions: IMAGES },
    video: { purpose: 'video', extensions: VIDEOS },
    batch: { purpose: 'batch', extensions: new Set(['jsonl']) },
  },
  lifetimeMs: null,
  chunkBytes: 8 * 2 ** 20,
  content: 'extracted-text',
  concurrency: 4,
});

export const createKimi = (options: AdapterOptions): Provider => {
  const http = createHttpCaller({ name: 'Kimi', judge, ...options });
  const file = (id: string, leaf = '') => ({
    path: `/files/${encodeURIComponent(id)}${leaf}`,
    namesFile: true,
  });
  const toRemoteFile = (answer: z.output<typeof fileShape>): RemoteFile => remoteFile(answer, http.quote);
  return {
    id: 'kimi',
    account: options.account,
    emulated: options.emulated,
    capabilities: capabilities(options.limits),
    upload: async (request) =>
      toRemoteFile(await postForm(http, { purpose: request.purpose }, request, fileShape)),
    retrieve: async (id, { signal }) =>
      toRemoteFile(await http.json({ method: 'GET', ...file(id), signal }, fileShape)),
    list: async function* ({ signal }) {
      const list = await http.json({ method: 'GET', path: '/files', signal }, listShape);
      // No way to ask for more is documented, and a list cut short would say that files are missing which are there.
      if (list.has_more) throw new GatewayError('provider_unavailable', 'Kimi gave only a part of its list.');
      const { data } = list;
      const byId = new Map((data ?? []).map((entry) => [entry.id, entry]));
      for (const entry of byId.values()) yield toRemoteFile(entry);
    },
    content: (id, { signal }) => http.stream({ method: 'GET', ...file(id, '/content'), signal }),
    remove: (id, callOptions) => deleteFile(http, file(id), callOptions, deletedShape),
  };
};

/** Error types after which the same request may succeed, under whatever status they come. */
const BUSY = new Set(['server_error', 'engine_overloaded_error', 'rate_limit_reached_error']);
const FULL = /too many files|maximum number of files|file count|total size/iu;

/** https://platform.kimi.ai/docs/api/errors; quota appears there under 403 and under 429. */
const judge = ({ status, json }: Refusal): Verdict | null => {
  const parsed = errorShape.safeParse(json);
  if (!parsed.success) return null;
  const { message, type } = parsed.data.error;
  if (type === 'exceeded_current_quota_error') return { code: 'provider_quota_exceeded', message };
  if (status === 401 || status === 403) return { code: 'provider_unauthorized', message };
  if (status === 404) return { code: 'not_found', message };
  if (status === 400 && FULL.test(message)) return { code: 'provider_quota_exceeded', message };
  if (isTransient(status) || BUSY.has(type ?? '')) {
    return { code: 'provider_unavailable', message, retryAfterMs: hintedWait(message) };
  }
  return { code: 'provider_rejected', message };
};

/** Kimi documents no `Retry-After`; its 429 says "try again after N seconds" in words. */
const hintedWait = (message: string): number | undefined => {
  const [, seconds] = /after (\d{1,5}) second/iu.exec(message) ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
};

/** Documents up to 2025 show `ok`, later ones `ready`; the SDK's vocabulary has `processed`. */
const READY = new Set(['ok', 'ready', 'processed']);

const remoteFile = (file: z.output<typeof fileShape>, quote: (words: string) => string): RemoteFile => ({
  id: file.id,
  filename: file.filename ?? null,
  sizeBytes: file.bytes ?? null,
  purpose: file.purpose ?? null,
  createdAt: toDate(file.created_at),
  expiresAt: null,
  state: stateOf(file.status ?? 'ready'),
  detail: quote(file.status_details ?? file.status_detail ?? '') || null,
});

const stateOf = (status: string): RemoteFile['state'] => {
  if (READY.has(status)) return 'ready';
  return status === 'error' ? 'failed' : 'processing';
};
