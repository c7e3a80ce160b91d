import { type Answer, jsonAnswer } from './answer.ts';
import type { FileShelf, StoredFile } from './file-shelf.ts';
import { notAmong, type OpenAiReason, openAiError, withHeaders, wrongWhole } from './openai-errors.ts';

const MAX_PAGE = 10_000;
const ORDERS = ['asc', 'desc'];

/** A page of files; `files` come newest first. */
export const listPage = (
  query: URLSearchParams,
  {
    files,
    shelf,
    show,
  }: { files: readonly StoredFile[]; shelf: FileShelf; show: (file: StoredFile) => { id: string } },
): Answer => {
  const limit = Number(query.get('limit') || MAX_PAGE);
  const order = query.get('order') ?? 'desc';
  const after = query.get('after');
  const last = after === null ? null : fileOf(after, shelf);
  const refusal = wrongWhole(limit, 'limit', { min: 1, max: MAX_PAGE }) ?? refusedOrder(order, last);
  if (refusal !== null) return openAiError(refusal);

  const isLater = (file: StoredFile): boolean =>
    !last || (order === 'asc' ? file.sequence > last.sequence : file.sequence < last.sequence);
  const purpose = query.get('purpose');
  const found = files.filter((file) => isLater(file) && (purpose === null || file.purpose === purpose));
  const data = (order === 'asc' ? found.toReversed() : found).slice(0, limit).map(show);
  const page = {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: data.length < found.length,
  };
  return withHeaders(jsonAnswer(200, page));
};

// A cursor stays good when its file is deleted between two pages.
const fileOf = (id: string, shelf: FileShelf): StoredFile | undefined =>
  shelf.find(id) ?? shelf.removed().findLast(({ file }) => file.id === id)?.file;

const refusedOrder = (order: string, last: StoredFile | null | undefined): OpenAiReason | null => {
  if (!ORDERS.includes(order)) return notAmong(order, 'order', ORDERS);
  return last === undefined
    ? { status: 400, message: "Invalid 'after': no such file.", param: 'after' }
    : null;
};
