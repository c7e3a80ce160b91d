import type { DeletedFile } from '../api/deleted-file.ts';
import type { FileList } from '../api/file-list.ts';
import type { FileObject } from '../api/file-object.ts';
import type { Call, Caller } from './caller.ts';
import { ClientError } from './client-error.ts';
import type { Platform } from './platform.ts';
import { isDeletedFile, isFileList, isFileObject } from './recognise.ts';
import { verified } from './verified.ts';

/** How a call waits. */
export interface Wait {
  /** Called before each wait that the gateway asks for, with why. */
  readonly onWait?: ((waitMs: number, why: ClientError) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ListQuery extends Wait {
  /** From 1 to 10,000, the default. */
  readonly limit?: number | undefined;
  /** The id of the last file of the page before. */
  readonly after?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
  readonly purpose?: string | undefined;
  readonly provider?: string | undefined;
  readonly status?: FileObject['status'] | undefined;
  /** Part of the file name, in any case. */
  readonly q?: string | undefined;
}

export interface ContentQuery extends Wait {
  /** Bytes `[start, end)` of the original; `end` defaults to its end. */
  readonly range?: { readonly start: number; readonly end?: number } | undefined;
  /** A provider: what it gives back for its copy instead of the original bytes. */
  readonly from?: string | undefined;
}

export interface Content {
  readonly mediaType: string;
  /** The caller must read it to the end or end the iteration. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** The caller's own files at the gateway. */
export interface Files {
  list(query?: ListQuery): Promise<FileList>;
  retrieve(id: string, options?: Wait): Promise<FileObject>;
  /** With `isConfirmed`, resolves once every provider has removed its copy or a while has passed. */
  delete(id: string, options?: { isConfirmed?: boolean } & Wait): Promise<DeletedFile>;
  content(id: string, query?: ContentQuery): Promise<Content>;
  /** The original bytes, checked: `body` fails with `checksum_mismatch` at its end if they are not the file's. */
  download(id: string, options?: Wait): Promise<{ file: FileObject; body: AsyncIterable<Uint8Array> }>;
}

/** The longest wait that the gateway grants. */
const CONFIRMATION_SECONDS = 100;

export const createFiles = (caller: Caller, { createSha256 }: Platform): Files => {
  const retrieve = async (id: string, wait: Wait = {}): Promise<FileObject> =>
    caller.json({ method: 'GET', path: filePathOf(id), ...wait }, isFileObject);
  const content = async (id: string, { range, from, ...wait }: ContentQuery = {}): Promise<Content> => {
    const headers = { accept: '*/*', ...(range === undefined ? {} : { range: rangeHeader(range) }) };
    const path = `${filePathOf(id)}/content`;
    const { header, body } = await caller.stream({ method: 'GET', path, query: { from }, headers, ...wait });
    return { mediaType: header('content-type') ?? '', body };
  };
  return {
    list: async ({ signal, onWait, limit, ...query } = {}) => {
      const call = { query: { ...query, limit: limit?.toString() }, signal, onWait };
      return caller.json({ method: 'GET', path: '/v1/files', ...call }, isFileList);
    },
    retrieve,
    delete: async (id, { isConfirmed = false, ...wait } = {}) => {
      const confirming = { query: { wait: 'true' }, headers: { prefer: `wait=${CONFIRMATION_SECONDS}` } };
      const call: Call = { method: 'DELETE', path: filePathOf(id), ...wait };
      return caller.json(isConfirmed ? { ...call, ...confirming } : call, isDeletedFile);
    },
    content,
    download: async (id, wait = {}) => {
      const file = await retrieve(id, wait);
      return { file, body: verified(file, (await content(id, wait)).body, createSha256()) };
    },
  };
};

/** An id is any text; those that an address would resolve to another path are nobody's. */
export const filePathOf = (id: string): string => {
  if (/^\.{0,2}$/u.test(id)) {
    throw new ClientError('not_found', `There is no file ${JSON.stringify(id)}.`, { param: 'id' });
  }
  return `/v1/files/${encodeURIComponent(id)}`;
};

const rangeHeader = ({ start, end }: { start: number; end?: number }): string =>
  `bytes=${start}-${end === undefined ? '' : end - 1}`;
