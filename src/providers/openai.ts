/**
 * OpenAI Files API: https://platform.openai.com/docs/api-reference/files
 * Larger files go through its Uploads API (`openai-uploads.ts`). What is given as knowledge is not given back, so no
 * content is offered; files of purpose `batch` expire after 30 days, all others stay.
 */
import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import type { AcceptedPurpose, CallOptions, Capabilities, Provider, RemoteFile } from '../core/provider.ts';
import { type AdapterOptions, remoteIdShape, toDate } from './adapter.ts';
import { deleteFile, postForm } from './file-calls.ts';
import { createHttpCaller, type HttpCaller, isTransient, type Refusal, type Verdict } from './http-call.ts';
import { uploadInParts } from './openai-uploads.ts';

export interface OpenAiOptions extends AdapterOptions {
  /** Files above this go through the Uploads API. */
  readonly uploadsAboveBytes?: number;
  /** Size of the parts that they are sent in. */
  readonly partBytes?: number;
}

const fileShape = z.object({
  id: remoteIdShape,
  bytes: z.number().nullish(),
  created_at: z.number().nullish(),
  expires_at: z.number().nullish(),
  filename: z.string().nullish(),
  purpose: z.string().nullish(),
  status: z.string().nullish(),
  status_details: z.string().nullish(),
});
type FileAnswer = z.output<typeof fileShape>;
const listShape = z.object({ data: z.array(fileShape), has_more: z.boolean().nullish() });
const deletedShape = z.object({ deleted: z.literal(true) });
const errorShape = z.object({
  error: z.object({
    message: z.string().nullish(),
    type: z.string().nullish(),
    code: z.union([z.string(), z.number()]).nullish(),
  }),
});

/** The limit of the Files API is "512 MB", of either kind; the Uploads API takes what lies between the two. */
const UPLOADS_ABOVE_BYTES = 512_000_000;
/** The largest part, and the one that OpenAI's own client sends. */
const PART_BYTES = 64 * 2 ** 20;
/** Of 10,000 allowed; a page of these stays well below the largest answer that is read. */
const PAGE_LIMIT = 1_000;
/** A million files; more is a list without an end. */
const MAX_PAGES = 1_000;

const any = (purpose: string): AcceptedPurpose => ({ purpose, extensions: null });
const lines = (purpose: string): AcceptedPurpose => ({ purpose, extensions: new Set(['jsonl']) });

const capabilities = (limits: AdapterOptions['limits']): Capabilities => ({
  ...limits,
  purposes: {
    user_data: any('user_data'),
    assistants: any('assistants'),
    vision: { purpose: 'vision', extensions: new Set(['png', 'jpg', 'jpeg', 'gif', 'webp']) },
    batch: lines('batch'),
    'fine-tune': lines('fine-tune'),
    evals: lines('evals'),
  },
  lifetimeMs: null,
  chunkBytes: PART_BYTES,
  content: 'none',
  concurrency: 8,
});

export const createOpenAi = ({
  uploadsAboveBytes = UPLOADS_ABOVE_BYTES,
  partBytes = PART_BYTES,
  ...options
}: OpenAiOptions): Provider => {
  const http = createHttpCaller({ name: 'OpenAI', judge, ...options });
  const file = (id: string) => ({ path: `/files/${encodeURIComponent(id)}`, namesFile: true });
  return {
    id: 'openai',
    account: options.account,
    emulated: options.emulated,
    capabilities: capabilities(options.limits),
    upload: async (request) => {
      if (request.sizeBytes > uploadsAboveBytes) {
        return toRemoteFile(await uploadInParts(request, { http, partBytes, fileShape }), http.quote);
      }
      const { purpose } = request;
      return toRemoteFile(await postForm(http, { purpose }, request, fileShape), http.quote);
    },
    retrieve: async (id, { signal }) =>
      toRemoteFile(await http.json({ method: 'GET', ...file(id), signal }, fileShape), http.quote),
    list: (callOptions) => listAll(http, callOptions),
    content: async () => {
      throw new GatewayError(
        'content_unavailable',
        'OpenAI does not give the content of such files back; ask without `from` for the original bytes.',
      );
    },
    remove: (id, callOptions) => deleteFile(http, file(id), callOptions, deletedShape),
  };
};

async function* listAll(http: HttpCaller, { signal }: CallOptions): AsyncGenerator<RemoteFile> {
  const seen = new Set<string>();
  let after: string | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const query = { limit: String(PAGE_LIMIT), ...(after === undefined ? {} : { after }) };
    const page = await http.json({ method: 'GET', path: '/files', query, signal }, listShape);
    const fresh = page.data.filter(({ id }) => !seen.has(id));
    for (const answer of fresh) {
      if (seen.has(answer.id)) continue;
      seen.add(answer.id);
      yield toRemoteFile(answer, http.quote);
    }
    if (page.has_more !== true) return;
    after = page.data.at(-1)?.id;
    if (fresh.length === 0) break;
  }
  // A list cut short would say that files are missing which are there.
  throw new GatewayError('provider_unavailable', 'OpenAI gave a list of files that does not end.');
}

/** A full project, as captured under 400; there is no code for it. */
const FULL = /storage quota/iu;
/** A 404 that says nothing about a file. */
const WRONG_ADDRESS = /^Invalid URL/u;

/** https://platform.openai.com/docs/guides/error-codes; `x-should-retry` is what OpenAI's own clients obey. */
const judge = ({ status, json, headers }: Refusal): Verdict | null => {
  const parsed = errorShape.safeParse(json);
  if (!parsed.success) return null;
  const { type, code } = parsed.data.error;
  const message = parsed.data.error.message ?? '';
  if (
    code === 'insufficient_quota' ||
    type === 'insufficient_quota' ||
    (status === 400 && FULL.test(message))
  ) {
    return { code: 'provider_quota_exceeded', message };
  }
  if (status === 401 || status === 403) return { code: 'provider_unauthorized', message };
  if (status === 404) return WRONG_ADDRESS.test(message) ? null : { code: 'not_found', message };
  const advice = headers['x-should-retry'];
  if (advice === 'true' || type === 'server_error' || isTransient(status)) {
    return { code: 'provider_unavailable', message, retry: advice === 'false' ? 'never' : 'later' };
  }
  return { code: 'provider_rejected', message };
};

const toRemoteFile = (file: FileAnswer, quote: (words: string) => string): RemoteFile => ({
  id: file.id,
  filename: file.filename ?? null,
  sizeBytes: file.bytes ?? null,
  purpose: file.purpose ?? null,
  createdAt: toDate(file.created_at),
  expiresAt: toDate(file.expires_at),
  state: stateOf(file.status ?? 'processed'),
  detail: quote(file.status_details ?? '') || null,
});

/** `uploaded` is not the step before `processed` for most purposes but the end, and usable. */
const READY = new Set(['uploaded', 'processed']);

const stateOf = (status: string): RemoteFile['state'] => {
  if (READY.has(status)) return 'ready';
  return status === 'error' ? 'failed' : 'processing';
};
