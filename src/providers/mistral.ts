/**
 * Mistral Files API: https://docs.mistral.ai/api/endpoint/files
 * Identical bytes are one file: an upload of bytes that the account has already answers the id, name and purpose of the
 * first one. The list has numbered pages, files have no state, and `expires_at` says how long one stays.
 */
import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import type { AcceptedPurpose, CallOptions, Capabilities, Provider, RemoteFile } from '../core/provider.ts';
import { type AdapterOptions, remoteIdShape, toDate } from './adapter.ts';
import { deleteFile, postForm } from './file-calls.ts';
import { createHttpCaller, type HttpCaller, isTransient, type Refusal, type Verdict } from './http-call.ts';

const fileShape = z.object({
  id: remoteIdShape,
  bytes: z.number().nullish(),
  created_at: z.number().nullish(),
  expires_at: z.number().nullish(),
  filename: z.string().nullish(),
  purpose: z.string().nullish(),
  deleted: z.boolean().nullish(),
});
const listShape = z.object({ data: z.array(fileShape), total: z.number().nullish() });
const deletedShape = z.object({ deleted: z.literal(true) });
/** A 422 has an array of these for `detail`, the 404 of a file a text, and everything else is an `error`. */
const problemShape = z.object({ loc: z.array(z.coerce.string()), msg: z.string() });
const refusedShape = z.object({ detail: z.array(problemShape) });
const errorShape = z.union([
  z.object({ detail: z.string() }).transform(({ detail }) => detail),
  z.object({ object: z.literal('error'), message: z.string() }).transform(({ message }) => message),
]);

const DOCUMENTS: AcceptedPurpose = {
  purpose: 'ocr',
  extensions: new Set(['pdf', 'docx', 'pptx', 'png', 'jpg', 'jpeg', 'avif']),
};
const lines = (purpose: string): AcceptedPurpose => ({ purpose, extensions: new Set(['jsonl']) });
const PAGE_SIZE = 100;
/** 100,000 files; more is a list without an end. */
const MAX_PAGES = 1_000;

const capabilities = (limits: AdapterOptions['limits']): Capabilities => ({
  ...limits,
  purposes: {
    user_data: DOCUMENTS,
    assistants: DOCUMENTS,
    'file-extract': DOCUMENTS,
    batch: lines('batch'),
    'fine-tune': lines('fine-tune'),
  },
  lifetimeMs: null,
  chunkBytes: 8 * 2 ** 20,
  // It would give the original bytes, which the gateway has itself; text is made by another call.
  content: 'none',
  recognisesBytes: true,
  concurrency: 4,
});

/** Because identical bytes are one file, `remove` takes it from everyone who uploaded them: ask who else has the id first. */
export const createMistral = (options: AdapterOptions): Provider => {
  const http = createHttpCaller({ name: 'Mistral', judge, ...options });
  const file = (id: string) => ({ path: `/files/${encodeURIComponent(id)}`, namesFile: true });
  return {
    id: 'mistral',
    account: options.account,
    emulated: options.emulated,
    capabilities: capabilities(options.limits),
    upload: async (request) =>
      toRemoteFile(await postForm(http, { purpose: request.purpose }, request, fileShape)),
    retrieve: async (id, { signal }) => {
      const answer = await http.json({ method: 'GET', ...file(id), signal }, fileShape);
      if (answer.deleted === true) throw new GatewayError('not_found', 'Mistral has deleted this file.');
      return toRemoteFile(answer);
    },
    list: (callOptions) => listAll(http, callOptions),
    content: async () => {
      throw new GatewayError(
        'content_unavailable',
        'Mistral extracts no text from files by itself; ask without `from` for the original bytes.',
      );
    },
    remove: (id, callOptions) => deleteFile(http, file(id), callOptions, deletedShape),
  };
};

/**
 * Newest first, by number: what is uploaded meanwhile moves files to later pages, where they repeat, and what is deleted
 * moves them to earlier ones, where they are missed. A total that falls tells of the latter, and then the list fails.
 */
async function* listAll(http: HttpCaller, { signal }: CallOptions): AsyncGenerator<RemoteFile> {
  const seen = new Set<string>();
  let told: number | null = null;
  let read = 0;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const query = { page: String(page), page_size: String(PAGE_SIZE), include_total: 'true' };
    const answer = await http.json({ method: 'GET', path: '/files', query, signal }, listShape);
    const total: number | null = answer.total ?? told;
    if ((total ?? 0) < (told ?? 0)) throw broken('changed while it was read');
    told = total;
    for (const entry of answer.data) {
      if (!seen.has(entry.id)) yield toRemoteFile(entry);
      seen.add(entry.id);
    }
    read += answer.data.length;
    const isOver = total === null ? answer.data.length === 0 : read >= total;
    if (isOver) return;
    if (answer.data.length === 0) break;
  }
  throw broken('does not end where it says');
}

/** A list cut short would say that files are missing which are there. */
const broken = (how: string): GatewayError =>
  new GatewayError('provider_unavailable', `Mistral gave a list of files that ${how}.`);

/** No limit of an account is documented; these are the words by which to tell one from a missing right. */
const FULL = /\b(storage|quota)\b/iu;

const judge = ({ status, json }: Refusal): Verdict | null => {
  const problems = refusedShape.safeParse(json).data?.detail ?? [];
  const named = problems.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; ');
  const message = errorShape.safeParse(json).data ?? named;
  if (message === '') return null;
  // What does not have the form of an id is the id of no file; a 404 without a word of a file is that of a wrong address.
  if (status === 422 && problems[0]?.loc[0] === 'path') return { code: 'not_found', message };
  if (status === 404) return /\bfile\b/iu.test(message) ? { code: 'not_found', message } : null;
  if (status === 403 && FULL.test(message)) return { code: 'provider_quota_exceeded', message };
  if (status === 401 || status === 403) return { code: 'provider_unauthorized', message };
  if (status < 300 || isTransient(status)) return { code: 'provider_unavailable', message };
  return { code: 'provider_rejected', message };
};

const toRemoteFile = (file: z.output<typeof fileShape>): RemoteFile => ({
  id: file.id,
  filename: file.filename ?? null,
  sizeBytes: file.bytes ?? null,
  purpose: file.purpose ?? null,
  createdAt: toDate(file.created_at),
  expiresAt: toDate(file.expires_at),
  state: 'ready',
  detail: null,
});
