import { type Answer, jsonAnswer } from './answer.ts';
import type { FileShelf, StoredFile } from './file-shelf.ts';
import { googleError } from './gemini-errors.ts';

const DEFAULT_PAGE = 10;
const MAX_PAGE = 100;

/** A page of files; `files` and `nextPageToken` are absent, not empty, where there are none. */
export const listPage = (
  query: URLSearchParams,
  {
    files,
    shelf,
    show,
  }: { files: readonly StoredFile[]; shelf: FileShelf; show: (file: StoredFile) => unknown },
): Answer => {
  const asked = Number(query.get('pageSize') ?? DEFAULT_PAGE);
  if (!Number.isInteger(asked) || asked < 0) return googleError(400, { message: 'Invalid page size.' });
  // A larger page than the largest is answered with the largest, as Google's APIs do.
  const size = Math.min(asked === 0 ? DEFAULT_PAGE : asked, MAX_PAGE);
  const token = query.get('pageToken') ?? '';
  const last = token === '' ? null : fileBefore(token, shelf);
  if (last === undefined) return googleError(400, { message: 'Invalid page token.' });
  const rest = last === null ? files : files.filter((file) => file.sequence < last.sequence);
  const page = rest.slice(0, size);
  const end = page.at(-1);
  return jsonAnswer(200, {
    ...(page.length === 0 ? {} : { files: page.map(show) }),
    ...(end === undefined || page.length === rest.length ? {} : { nextPageToken: pageTokenAfter(end.id) }),
  });
};

/** The token of the page after the one that ends with this file. */
export const pageTokenAfter = (id: string): string => Buffer.from(`after:${id}`).toString('base64url');

// A token stays good when its file is deleted between two pages.
const fileBefore = (token: string, shelf: FileShelf): StoredFile | undefined => {
  const id = Buffer.from(token, 'base64url').toString().slice('after:'.length);
  return shelf.find(id) ?? shelf.removed().findLast(({ file }) => file.id === id)?.file;
};
