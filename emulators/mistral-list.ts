import { randomUUID } from 'node:crypto';
import type { AnswerShape, Json } from './answer-shape.ts';
import { type MistralProblem, notAmong, readWhole } from './mistral-errors.ts';

/** Where Mistral's answers carry what faults change. Its lists are pages by number, always. */
export const MISTRAL_SHAPE: AnswerShape = {
  files: 'data',
  file: 'data',
  id: 'id',
  idPrefix: '',
  bytes: 'bytes',
  times: ['created_at'],
  cursors: ['page'],
  isPaged: () => true,
  // More to come is a total that no page reaches.
  withMore: (list) => ({ ...list, total: 1_000_000 }),
  invented: () => ({
    id: randomUUID(),
    object: 'file',
    bytes: 1,
    created_at: Math.floor(Date.now() / 1_000),
    filename: `someone-elses-${randomUUID()}.jsonl`,
    purpose: 'batch',
    sample_type: 'batch_request',
    source: 'upload',
  }),
};

const FILTERS = [
  { parameter: 'purpose', field: 'purpose' },
  { parameter: 'sample_type', field: 'sample_type' },
  { parameter: 'source', field: 'source' },
  { parameter: 'mimetypes', field: 'mimetype' },
] as const;

const DEFAULT_PAGE_SIZE = '100';

/** The list a query asks for, of files as they are shown, newest first; or the value that is no good. */
export const mistralList = (query: URLSearchParams, files: readonly Json[]): Json | MistralProblem => {
  const page = readWhole(query.get('page') ?? '0', ['query', 'page'], { min: 0 });
  if (typeof page !== 'number') return page;
  const size = readWhole(query.get('page_size') ?? DEFAULT_PAGE_SIZE, ['query', 'page_size'], { min: 1 });
  if (typeof size !== 'number') return size;
  const withTotal = query.get('include_total') ?? 'true';
  if (!BOOLEANS.includes(withTotal)) return notAmong(['query', 'include_total'], BOOLEANS);

  const found = files.filter((file) => matches(file, query));
  return {
    data: found.slice(page * size, (page + 1) * size),
    object: 'list',
    ...(withTotal === 'true' ? { total: found.length } : {}),
  };
};

const BOOLEANS = ['true', 'false'];

const matches = (file: Json, query: URLSearchParams): boolean => {
  const search = query.get('search');
  if (search !== null && !String(file.filename).includes(search)) return false;
  return FILTERS.every(({ parameter, field }) => {
    const wanted = query.getAll(parameter);
    return wanted.length === 0 || wanted.includes(String(file[field]));
  });
};
