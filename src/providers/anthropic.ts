/**
 * Anthropic Files API, in the shapes of general availability: https://platform.claude.com/docs/en/api/files-create
 * There are no purposes and files have no state; they stay until deleted, visible to the whole workspace. What users
 * upload is not given back, only what tools make.
 */
import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import type { AcceptedPurpose, CallOptions, Capabilities, Provider, RemoteFile } from '../core/provider.ts';
import { type AdapterOptions, remoteIdShape, toDate } from './adapter.ts';
import { deleteFile, postForm } from './file-calls.ts';
import { createHttpCaller, type HttpCaller, isTransient, type Refusal, type Verdict } from './http-call.ts';

const fileShape = z.object({
  id: remoteIdShape,
  filename: z.string().nullish(),
  size_bytes: z.number().nullish(),
  created_at: z.string().nullish(),
  expires_at: z.string().nullish(),
});
const listShape = z.object({
  data: z.array(fileShape),
  next_page: z.string().nullish(),
  // Of the beta's list, which goes on by another cursor, the last page is understood and no other.
  has_more: z.literal(false).nullish(),
});
const deletedShape = z.object({ type: z.literal('file_deleted') });
const errorShape = z.object({
  error: z.object({
    type: z.string().nullish(),
    message: z.string().nullish(),
    details: z.object({ error_code: z.string().nullish() }).nullish(),
  }),
});

const ANY_FILE: AcceptedPurpose = { purpose: 'file', extensions: null };
const IMAGES = { ...ANY_FILE, extensions: new Set(['jpg', 'jpeg', 'png', 'gif', 'webp']) };
/** The largest page that the documents name. */
const PAGE_LIMIT = 1_000;
/** A million files; more is a list without an end. */
const MAX_PAGES = 1_000;
const MAX_NAME_CHARACTERS = 255;

const capabilities = (limits: AdapterOptions['limits']): Capabilities => ({
  ...limits,
  purposes: { user_data: ANY_FILE, assistants: ANY_FILE, vision: IMAGES },
  lifetimeMs: null,
  chunkBytes: 8 * 2 ** 20,
  content: 'none',
  concurrency: 4,
});

export const createAnthropic = (options: AdapterOptions): Provider => {
  const http = createHttpCaller({
    name: 'Anthropic',
    judge,
    credentials: (apiKey) => ({ 'x-api-key': apiKey }),
    headers: { 'anthropic-version': '2023-06-01' },
    ...options,
  });
  const file = (id: string) => ({ path: `/files/${encodeURIComponent(id)}`, namesFile: true });
  return {
    id: 'anthropic',
    account: options.account,
    emulated: options.emulated,
    capabilities: capabilities(options.limits),
    upload: async (request) => {
      const named = { ...request, filename: fitName(request.filename) };
      // A purpose, or any other field that it does not know, is refused.
      return toRemoteFile(await postForm(http, {}, named, fileShape));
    },
    retrieve: async (id, { signal }) =>
      toRemoteFile(await http.json({ method: 'GET', ...file(id), signal }, fileShape)),
    list: (callOptions) => listAll(http, callOptions),
    content: async () => {
      throw new GatewayError(
        'content_unavailable',
        'Anthropic does not give uploaded files back; ask without `from` for the original bytes.',
      );
    },
    remove: (id, callOptions) => deleteFile(http, file(id), callOptions, deletedShape),
  };
};

/**
 * The beta refuses these characters, general availability drops what stands before a slash; the stricter rule fits both.
 * Of a name too long the end stays, where the extension is and the mark by which a lost copy is found.
 */
const fitName = (filename: string): string =>
  [...filename.toWellFormed().replace(FORBIDDEN, '_')].slice(-MAX_NAME_CHARACTERS).join('');

const FORBIDDEN = /[<>:"|?*\\/\p{Cc}]/gu;

async function* listAll(http: HttpCaller, { signal }: CallOptions): AsyncGenerator<RemoteFile> {
  const seen = new Set<string>();
  let page = '';
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const query = { limit: String(PAGE_LIMIT), ...(page === '' ? {} : { page }) };
    const answer = await http.json({ method: 'GET', path: '/files', query, signal }, listShape);
    const known = seen.size;
    for (const entry of answer.data) {
      if (seen.has(entry.id)) continue;
      seen.add(entry.id);
      yield toRemoteFile(entry);
    }
    page = answer.next_page ?? '';
    if (page === '') return;
    if (seen.size === known) break;
  }
  // A list cut short would say that files are missing which are there.
  throw new GatewayError('provider_unavailable', 'Anthropic gave a list of files that does not end.');
}

/** https://platform.claude.com/docs/en/api/errors; a full organization is a 400, in the beta's documents a 403. */
const judge = ({ status, json }: Refusal): Verdict | null => {
  const parsed = errorShape.safeParse(json);
  if (!parsed.success) return null;
  const { type, details } = parsed.data.error;
  const message = parsed.data.error.message ?? type ?? '';
  if (details?.error_code === 'storage_quota_exceeded' || type === 'billing_error')
    return { code: 'provider_quota_exceeded', message };
  // The type is the same for an address that does not exist, and differs between samples for a file that does not.
  if (status === 404) return /\bfile\b/iu.test(message) ? { code: 'not_found', message } : null;
  if (status === 401 || status === 403 || DENIED.has(type ?? ''))
    return { code: 'provider_unauthorized', message };
  if (isTransient(status) || BUSY.has(type ?? '')) return { code: 'provider_unavailable', message };
  return { code: 'provider_rejected', message };
};

const DENIED = new Set(['authentication_error', 'permission_error']);
const BUSY = new Set(['rate_limit_error', 'api_error', 'overloaded_error', 'timeout_error']);

const toRemoteFile = (file: z.output<typeof fileShape>): RemoteFile => ({
  id: file.id,
  filename: file.filename ?? null,
  sizeBytes: file.size_bytes ?? null,
  purpose: null,
  createdAt: toDate(file.created_at),
  expiresAt: toDate(file.expires_at),
  state: 'ready',
  detail: null,
});
