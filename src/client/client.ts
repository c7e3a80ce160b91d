import type { DeletedFile } from '../api/deleted-file.ts';
import type { EventObject } from '../api/event-object.ts';
import type { FileList } from '../api/file-list.ts';
import type { FileObject } from '../api/file-object.ts';
import type { ProviderObject } from '../api/provider-object.ts';
import type { QuotaObject } from '../api/quota-object.ts';
import type { FileStatus } from '../core/file.ts';
import { type Call, type CallerOptions, createCaller } from './caller.ts';
import { ClientError } from './client-error.ts';
import { type EventQuery, events } from './events.ts';
import { isDeletedFile, isFileList, isFileObject, isProviderList, isQuotaObject } from './recognise.ts';
import { type Settling, settled } from './settled.ts';
import { type Upload, upload } from './upload.ts';
import { type KnownUpload, uploadKnown } from './upload-known.ts';
import { verified } from './verified.ts';

interface Wait {
  readonly signal?: AbortSignal | undefined;
}

interface ListQuery extends Wait {
  /** From 1 to 10,000, the default. */
  readonly limit?: number | undefined;
  /** The id of the last file of the page before. */
  readonly after?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
  readonly purpose?: string | undefined;
  readonly provider?: string | undefined;
  readonly status?: FileStatus | undefined;
  /** Part of the file name, in any case. */
  readonly q?: string | undefined;
}

interface ContentQuery extends Wait {
  /** Bytes `[start, end)` of the original; `end` defaults to its end. */
  readonly range?: { readonly start: number; readonly end?: number } | undefined;
  /** A provider: what it gives back for its copy instead of the original bytes. */
  readonly from?: string | undefined;
}

interface Content {
  readonly mediaType: string;
  /** The caller must read it to the end or end the iteration. */
  readonly body: AsyncIterable<Buffer>;
}

/**
 * The HTTP API of a gateway, typed. Everything rejects with `ClientError`, or with the reason of `signal` once that
 * is aborted. The owner calls `close`.
 */
export interface Client {
  /** Resolves once the bytes are safe; follow the deliveries with `settled`. */
  upload(file: Upload): Promise<FileObject>;
  /** The same without sending the bytes, if the caller has them there already; null when not. */
  uploadKnown(file: KnownUpload): Promise<FileObject | null>;
  /** Resolves once every delivery of the file has ended. */
  settled(id: string, options?: Settling): Promise<FileObject>;
  /**
   * What happens to your files from now on, or since an event. Connects again by itself, missing nothing, ends when the
   * signal aborts, and rejects with what the gateway refuses it for. Ending the iteration ends the connection.
   */
  events(query?: EventQuery): AsyncIterable<EventObject>;
  /** Delivers from the master copy, again or anew. Resolves at once; idempotent. */
  deliver(id: string, to: { provider: string; purpose?: string | undefined } & Wait): Promise<FileObject>;
  providers(options?: Wait): Promise<readonly ProviderObject[]>;
  /** What the caller may keep and keeps, or with the scope `admin`, what `sub` does. */
  quota(query?: { readonly sub?: string | undefined } & Wait): Promise<QuotaObject>;
  /** Changes what `sub` may keep: null for what everybody may, 0 for no limit, undefined leaves it. Needs the scope `admin`. */
  setQuota(
    sub: string,
    change: { readonly bytes?: number | null | undefined; readonly files?: number | null | undefined } & Wait,
  ): Promise<QuotaObject>;
  readonly files: {
    list(query?: ListQuery): Promise<FileList>;
    retrieve(id: string, options?: Wait): Promise<FileObject>;
    /** With `isConfirmed`, resolves once every provider has removed its copy or a while has passed. */
    delete(id: string, options?: { isConfirmed?: boolean } & Wait): Promise<DeletedFile>;
    content(id: string, query?: ContentQuery): Promise<Content>;
    /** The original bytes, checked: `body` fails with `checksum_mismatch` at its end if they are not the file's. */
    download(id: string, options?: Wait): Promise<{ file: FileObject; body: AsyncIterable<Buffer> }>;
  };
  close(): Promise<void>;
}

/** The longest wait that the gateway grants. */
const CONFIRMATION_SECONDS = 100;

/** A client of the gateway at `url`. Nothing is sent before the first call. Throws `TypeError` when `url` is no address. */
export const createClient = (options: CallerOptions): Client => {
  const caller = createCaller(options);
  const retrieve = async (id: string, { signal }: Wait = {}): Promise<FileObject> =>
    caller.json({ method: 'GET', path: pathOf(id), signal }, isFileObject);
  const content = async (id: string, { range, from, signal }: ContentQuery = {}): Promise<Content> => {
    const headers = { accept: '*/*', ...(range === undefined ? {} : { range: rangeHeader(range) }) };
    const call: Call = { method: 'GET', path: `${pathOf(id)}/content`, query: { from }, headers, signal };
    const answer = await caller.stream(call);
    return { mediaType: String(answer.headers['content-type'] ?? ''), body: answer.body };
  };
  return {
    upload: (file) => upload(caller, file),
    uploadKnown: (file) => uploadKnown(caller, file),
    settled: (id, settling = {}) =>
      settled(
        {
          id,
          retrieve: (signal) => retrieve(id, { signal }),
          events: (signal) => events(caller, { signal }),
        },
        settling,
      ),
    events: (query = {}) => events(caller, query),
    deliver: async (id, { provider, purpose, signal }) => {
      const headers = { 'content-type': 'application/json', prefer: 'respond-async' };
      const body = JSON.stringify({ provider, purpose });
      const call: Call = { method: 'POST', path: `${pathOf(id)}/deliveries`, headers, body, signal };
      return caller.json(call, isFileObject);
    },
    providers: async ({ signal } = {}) =>
      (await caller.json({ method: 'GET', path: '/v1/providers', signal }, isProviderList)).data,
    quota: ({ sub, signal } = {}) =>
      caller.json(
        { method: 'GET', path: sub === undefined ? '/v1/quota' : quotaPathOf(sub), signal },
        isQuotaObject,
      ),
    setQuota: (sub, { bytes, files, signal }) => {
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({ bytes, files });
      return caller.json({ method: 'PUT', path: quotaPathOf(sub), headers, body, signal }, isQuotaObject);
    },
    files: {
      list: ({ signal, limit, ...query } = {}) => {
        const call = { query: { ...query, limit: limit?.toString() }, signal };
        return caller.json({ method: 'GET', path: '/v1/files', ...call }, isFileList);
      },
      retrieve,
      delete: async (id, { isConfirmed = false, signal } = {}) => {
        const waiting = { query: { wait: 'true' }, headers: { prefer: `wait=${CONFIRMATION_SECONDS}` } };
        const call: Call = { method: 'DELETE', path: pathOf(id), signal };
        return caller.json(isConfirmed ? { ...call, ...waiting } : call, isDeletedFile);
      },
      content,
      download: async (id, wait = {}) => {
        const file = await retrieve(id, wait);
        return { file, body: verified(file, (await content(id, wait)).body) };
      },
    },
    close: () => caller.close(),
  };
};

/** An id is any text; those that an address would resolve to another path are nobody's. */
const pathOf = (id: string): string => {
  if (/^\.{0,2}$/u.test(id)) {
    throw new ClientError('not_found', `There is no file ${JSON.stringify(id)}.`, { param: 'id' });
  }
  return `/v1/files/${encodeURIComponent(id)}`;
};

const quotaPathOf = (sub: string): string => `/v1/quotas/${encodeURIComponent(sub)}`;

const rangeHeader = ({ start, end }: { start: number; end?: number }): string =>
  `bytes=${start}-${end === undefined ? '' : end - 1}`;
