/**
 * GLM (Zhipu, Z.ai) Files API: https://docs.z.ai (upload) and https://docs.bigmodel.cn (list, content, delete).
 * The sources disagree about purposes, limits and shapes, so answers are read leniently. Reading one file is
 * undocumented and may be missing: the list stands in. Z.ai keeps files for 180 days.
 */
import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import type { AcceptedPurpose, CallOptions, Capabilities, Provider, RemoteFile } from '../core/provider.ts';
import { type AdapterOptions, remoteIdShape, toDate } from './adapter.ts';
import { deleteFile, postForm } from './file-calls.ts';
import { createHttpCaller, type HttpCaller, isTransient, type Refusal, type Verdict } from './http-call.ts';

const plainFileShape = z.object({
  id: remoteIdShape,
  bytes: z.number().nullish(),
  created_at: z.number().nullish(),
  filename: z.string().nullish(),
  fileName: z.string().nullish(),
  purpose: z.string().nullish(),
  status: z.string().nullish(),
  status_details: z.string().nullish(),
});
/** Some deployments wrap the object in `data`. */
const fileShape = z.union([plainFileShape, z.object({ data: plainFileShape }).transform(({ data }) => data)]);
// Null where there is no file; a list that is missing is none.
const listShape = z.object({ data: z.array(plainFileShape).nullable(), has_more: z.boolean().nullish() });
const deletedShape = z.object({ deleted: z.literal(true) });
const code = z.union([z.string(), z.number()]).transform(Number);
const errorShape = z.union([
  z.object({ error: z.object({ code, message: z.string().nullish() }) }).transform(({ error }) => error),
  z.object({ code, message: z.string() }),
]);

const LIFETIME_MS = 180 * 86_400_000;
const PAGE_LIMIT = 100;
/** Ten times the 1,000 files that the largest documented purpose holds; more is a list without an end. */
const MAX_PAGES = 100;
const DOCUMENTS: AcceptedPurpose = {
  purpose: 'agent',
  extensions: new Set([
    'pdf',
    'doc',
    'docx',
    'xls',
    'xlsx',
    'ppt',
    'pptx',
    'txt',
    'csv',
    'jpg',
    'jpeg',
    'png',
  ]),
};
/** The purposes that a list is asked for one by one: one source calls the parameter required. */
const LISTED_PURPOSES = ['agent', 'code-interpreter', 'batch'];

const capabilities = (limits: AdapterOptions['limits']): Capabilities => ({
  ...limits,
  purposes: {
    user_data: DOCUMENTS,
    assistants: DOCUMENTS,
    agent: DOCUMENTS,
    vision: { purpose: 'agent', extensions: new Set(['jpg', 'jpeg', 'png']) },
    'code-interpreter': { ...DOCUMENTS, purpose: 'code-interpreter' },
    batch: { purpose: 'batch', extensions: new Set(['jsonl']) },
  },
  lifetimeMs: LIFETIME_MS,
  chunkBytes: 10 * 2 ** 20,
  content: 'none',
  concurrency: 4,
});

export const createGlm = (options: AdapterOptions): Provider => {
  const http = createHttpCaller({
    name: 'GLM',
    judge,
    headers: { 'accept-language': 'en-US,en' },
    ...options,
  });
  const file = (id: string) => ({ path: `/files/${encodeURIComponent(id)}`, namesFile: true });
  return {
    id: 'glm',
    account: options.account,
    emulated: options.emulated,
    capabilities: capabilities(options.limits),
    upload: async (request) =>
      toRemoteFile(await postForm(http, { purpose: request.purpose }, request, fileShape), http.quote),
    retrieve: async (id, callOptions) => {
      try {
        const answer = await http.json({ method: 'GET', ...file(id), ...callOptions }, fileShape);
        return toRemoteFile(answer, http.quote);
      } catch (error) {
        if (!isAbsent(error)) throw error;
        return findInList(http, id, callOptions);
      }
    },
    list: (callOptions) => listAll(http, callOptions),
    content: async () => {
      throw new GatewayError(
        'content_unavailable',
        'GLM does not give the content of files back; ask without `from` for the original bytes.',
      );
    },
    remove: (id, callOptions) => deleteFile(http, file(id), callOptions, deletedShape),
  };
};

async function* listAll(http: HttpCaller, { signal }: CallOptions): AsyncGenerator<RemoteFile> {
  const seen = new Set<string>();
  for (const purpose of LISTED_PURPOSES) {
    let after: string | undefined;
    let pages = 0;
    do {
      const query = { purpose, limit: String(PAGE_LIMIT), ...(after === undefined ? {} : { after }) };
      const page = await http.json({ method: 'GET', path: '/files', query, signal }, listShape);
      const fresh = (page.data ?? []).filter(({ id }) => !seen.has(id));
      for (const file of fresh) {
        seen.add(file.id);
        yield toRemoteFile(file, http.quote);
      }
      after = page.has_more === true ? (fresh.at(-1)?.id ?? endless()) : undefined;
      pages += 1;
      if (pages > MAX_PAGES) endless();
    } while (after !== undefined);
  }
}

/** A list cut short would say that files are missing which are there, so one that goes round or on for ever is a failure. */
const endless = (): never => {
  throw new GatewayError('provider_unavailable', 'GLM gave a list of files that does not end.');
};

/** The file is not there, or the undocumented way to ask for one is not. */
const isAbsent = (error: unknown): boolean =>
  error instanceof GatewayError &&
  (error.code === 'not_found' || (error.code === 'provider_unavailable' && error.retry === 'never'));

const findInList = async (http: HttpCaller, id: string, options: CallOptions): Promise<RemoteFile> => {
  for await (const file of listAll(http, options)) if (file.id === id) return file;
  throw new GatewayError('not_found', 'GLM does not have this file.');
};

const AUTHENTICATION = { from: 1000, to: 1121 };
const PERMISSION = { from: 1220, to: 1221 };
/** The address does not exist, which says nothing about a file. */
const NO_SUCH_API = 1222;
/** The content breaks a policy; arrives as 429 too. */
const POLICY = new Set([1300, 1301]);
/** In arrears, daily cap, quota until a stated time, plan expired: all arrive as 429, none is worth a retry. */
const QUOTA = new Set([1113, 1304, 1308, 1309]);
/** Concurrency, frequency, overall load, network. */
const BUSY = new Set([1302, 1303, 1305, 1234]);

/** https://docs.bigmodel.cn/cn/faq/api-code; the business code decides, the HTTP status only where there is none. */
const judge = ({ status, json }: Refusal): Verdict | null => {
  const parsed = errorShape.safeParse(json);
  if (!parsed.success) return null;
  const business = parsed.data.code;
  const message = `${parsed.data.message ?? ''} (code ${business})`;
  if (status < 300 && (business === 0 || business === 200)) return null;
  if (business === NO_SUCH_API) return null;
  if (POLICY.has(business)) return { code: 'provider_rejected', message };
  if (QUOTA.has(business)) return { code: 'provider_quota_exceeded', message };
  if (BUSY.has(business)) return { code: 'provider_unavailable', message };
  if (inRange(business, AUTHENTICATION) || inRange(business, PERMISSION))
    return { code: 'provider_unauthorized', message };
  if (status === 401 || status === 403 || status === 434) return { code: 'provider_unauthorized', message };
  if (status === 404) return { code: 'not_found', message };
  if (isTransient(status)) return { code: 'provider_unavailable', message };
  return { code: 'provider_rejected', message };
};

const inRange = (value: number, { from, to }: { from: number; to: number }): boolean =>
  value >= from && value <= to;

const toRemoteFile = (
  file: z.output<typeof plainFileShape>,
  quote: (words: string) => string,
): RemoteFile => {
  const createdAt = toDate(file.created_at);
  return {
    id: file.id,
    filename: file.filename ?? file.fileName ?? null,
    sizeBytes: file.bytes ?? null,
    purpose: file.purpose ?? null,
    createdAt,
    expiresAt: createdAt === null ? null : new Date(createdAt.getTime() + LIFETIME_MS),
    state: stateOf(file.status ?? 'processed'),
    detail: quote(file.status_details ?? '') || null,
  };
};

const stateOf = (status: string): RemoteFile['state'] => {
  if (status === 'error') return 'failed';
  return status === 'pending' ? 'processing' : 'ready';
};
