import { randomUUID } from 'node:crypto';
import type { Answer } from './answer.ts';
import { isRecord } from './settings.ts';

export type Json = Record<string, unknown>;

/** Where a provider's answers carry what faults change. */
export interface AnswerShape {
  /** The list's field with the files. */
  readonly files: string;
  /** The field around one file, where an answer has one. */
  readonly file: string;
  readonly id: string;
  /** What an id starts with on the wire. */
  readonly idPrefix: string;
  /** A number, or its digits in a string. */
  readonly bytes: string;
  /** Fields with a time: Unix seconds, or RFC 3339 in a string. */
  readonly times: readonly string[];
  /** Query parameters that say where a page begins; `after` where left out. */
  readonly cursors?: readonly string[];
  /** Whether the list comes in pages. */
  isPaged(list: Json): boolean;
  /** The same page of a list, with more to come. */
  withMore(list: Json): Json;
  /** A file of someone else's, of a name that is new each time. */
  invented(): Json;
}

/** OpenAI's shape, which Kimi and GLM have too. */
export const OPENAI_SHAPE: AnswerShape = {
  files: 'data',
  file: 'data',
  id: 'id',
  idPrefix: '',
  bytes: 'bytes',
  times: ['created_at'],
  isPaged: (list) => Object.hasOwn(list, 'has_more'),
  withMore: (list) => ({ ...list, has_more: true }),
  invented: () => ({
    id: randomUUID(),
    object: 'file',
    bytes: 1,
    created_at: Math.floor(Date.now() / 1_000),
    filename: `someone-elses-${randomUUID()}.txt`,
    purpose: 'batch',
  }),
};

/** Leaves an answer alone whose body is no JSON object. */
export const editJson = (answer: Answer, edit: (json: Json) => Json): Answer =>
  'json' in answer.body && isRecord(answer.body.json)
    ? { ...answer, body: { json: edit(answer.body.json) } }
    : answer;

/** Changes every file in the answer, be it a list or one file. */
export const mapFiles = (answer: Answer, shape: AnswerShape, edit: (file: Json) => Json): Answer =>
  editJson(answer, (json) => {
    const files = json[shape.files];
    if (Array.isArray(files)) return { ...json, [shape.files]: files.map(edit) };
    const file = json[shape.file];
    return isRecord(file) ? { ...json, [shape.file]: edit(file) } : edit(json);
  });

/** Changes the entries of a list; one without entries may leave the field out. */
export const mapList = (
  answer: Answer,
  shape: AnswerShape,
  edit: (entries: readonly unknown[]) => readonly unknown[],
): Answer =>
  editJson(answer, (json) => {
    const entries = json[shape.files];
    return { ...json, [shape.files]: edit(Array.isArray(entries) ? entries : []) };
  });

/** The file with another id; only a text with something in it gets what ids start with. */
export const withId = (file: Json, shape: AnswerShape, id: unknown): Json => ({
  ...file,
  [shape.id]: typeof id === 'string' && id !== '' ? `${shape.idPrefix}${id}` : id,
});

export const shiftBytes = (file: Json, shape: AnswerShape, delta: number): Json => {
  const bytes = file[shape.bytes];
  if (typeof bytes === 'number') return { ...file, [shape.bytes]: bytes + delta };
  return typeof bytes === 'string' ? { ...file, [shape.bytes]: String(Number(bytes) + delta) } : file;
};

export const shiftTimes = (file: Json, shape: AnswerShape, seconds: number): Json => {
  const shifted = shape.times.flatMap((field) => {
    const time = file[field];
    if (typeof time === 'number') return [[field, time + seconds]];
    return typeof time === 'string'
      ? [[field, new Date(Date.parse(time) + seconds * 1_000).toISOString()]]
      : [];
  });
  return { ...file, ...Object.fromEntries(shifted) };
};
