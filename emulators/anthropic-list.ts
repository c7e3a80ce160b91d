import type { AnswerShape, Json } from './answer-shape.ts';
import { base62 } from './anthropic-errors.ts';
import type { FileShelf, StoredFile } from './file-shelf.ts';
import { isRecord } from './settings.ts';

/** A page of Anthropic's list, before its files are shown. */
export type AnthropicPage =
  | { readonly problem: string }
  | {
      readonly files: readonly StoredFile[];
      /** What stands beside `data`. */
      readonly rest: Json;
    };

/** What a page is cut from: `files` newest first. */
export interface AnthropicShelf {
  readonly files: readonly StoredFile[];
  readonly shelf: FileShelf;
}

/** A page by `limit` and `page`, or the files named by `ids`. */
export const currentPage = (query: URLSearchParams, { files, shelf }: AnthropicShelf): AnthropicPage => {
  // Bare and with brackets, as clients write lists in a query.
  const ids = [...query.getAll('ids[]'), ...query.getAll('ids')];
  const cursor = query.get('page');
  if (ids.length > 0) return named(ids, files, query.has('page') || query.has('limit'));
  const limit = readLimit(query);
  if (typeof limit === 'string') return { problem: limit };
  if (cursor === null) return cut(files, limit);
  const last = fileAt(shelf, lastIdOf(cursor));
  if (last === null) return { problem: 'page: invalid page token' };
  return cut(
    files.filter(({ sequence }) => sequence < last.sequence),
    limit,
  );
};

/** A page by `limit` and `after_id` or `before_id`, as the beta has them. */
export const betaPage = (query: URLSearchParams, { files, shelf }: AnthropicShelf): AnthropicPage => {
  const limit = readLimit(query);
  if (typeof limit === 'string') return { problem: limit };
  const before = query.get('before_id');
  const after = query.get('after_id');
  if (before !== null && after !== null)
    return { problem: 'only one of before_id and after_id may be given' };
  const cursor = before ?? after;
  if (cursor === null) return betaCut(files.slice(0, limit), files.length > limit);
  const from = fileAt(shelf, cursor);
  if (from === null) return { problem: `${before === null ? 'after_id' : 'before_id'}: no such file` };
  const older = files.filter(({ sequence }) => sequence < from.sequence);
  if (before === null) return betaCut(older.slice(0, limit), older.length > limit);
  const newer = files.filter(({ sequence }) => sequence > from.sequence);
  return betaCut(newer.slice(-limit), newer.length > limit);
};

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 1_000;
const MAX_IDS = 100;

const named = (ids: readonly string[], files: readonly StoredFile[], isPaged: boolean): AnthropicPage => {
  if (isPaged) return { problem: 'ids: cannot be combined with page or limit' };
  if (ids.length > MAX_IDS) return { problem: `ids: at most ${MAX_IDS} may be given` };
  return { files: files.filter(({ id }) => ids.includes(id)), rest: { next_page: null } };
};

const readLimit = (query: URLSearchParams): number | string => {
  const limit = Number(query.get('limit') ?? DEFAULT_LIMIT);
  const isGood = Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT;
  return isGood ? limit : `limit: must be a whole number from 1 to ${MAX_LIMIT}`;
};

const cut = (files: readonly StoredFile[], limit: number): AnthropicPage => {
  const page = files.slice(0, limit);
  const last = page.at(-1);
  const isMore = files.length > limit && last !== undefined;
  return { files: page, rest: { next_page: isMore ? tokenAfter(last.id) : null } };
};

const betaCut = (page: readonly StoredFile[], hasMore: boolean): AnthropicPage => ({
  files: page,
  rest: { has_more: hasMore, first_id: page[0]?.id ?? null, last_id: page.at(-1)?.id ?? null },
});

// A cursor stays good when its file is deleted between two pages.
const fileAt = (shelf: FileShelf, id: string): StoredFile | null =>
  shelf.find(id) ?? shelf.removed().find(({ file }) => file.id === id)?.file ?? null;

// Nothing is known of what a token holds, so it is made to be unreadable.
const tokenAfter = (id: string): string => `page_${Buffer.from(id).toString('base64url')}`;
const lastIdOf = (token: string): string => Buffer.from(token.replace(/^page_/, ''), 'base64url').toString();

/** Where Anthropic's answers, of both generations, carry what faults change. */
export const ANTHROPIC_SHAPE: AnswerShape = {
  files: 'data',
  file: 'data',
  id: 'id',
  idPrefix: '',
  bytes: 'size_bytes',
  times: ['created_at'],
  cursors: ['page', 'after_id', 'before_id'],
  isPaged: (list) => Object.hasOwn(list, 'next_page') || Object.hasOwn(list, 'has_more'),
  withMore: (list) => {
    const ids = idsOf(list);
    return Object.hasOwn(list, 'has_more')
      ? { ...list, has_more: true, first_id: ids[0] ?? null, last_id: ids.at(-1) ?? null }
      : { ...list, next_page: tokenAfter(ids.at(-1) ?? newFileId()) };
  },
  invented: () => ({
    id: newFileId(),
    type: 'file',
    filename: `someone-elses-${base62(12)}.txt`,
    mime_type: 'text/plain',
    size_bytes: 1,
    created_at: new Date().toISOString(),
    downloadable: false,
  }),
};

const idsOf = ({ data }: Json): readonly string[] =>
  Array.isArray(data) ? data.flatMap((entry) => (isRecord(entry) ? [String(entry.id)] : [])) : [];

/** A new id in the form of Anthropic's. */
export const newFileId = (): string => `file_011C${base62(20)}`;
