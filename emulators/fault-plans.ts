import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import {
  type Answer,
  bodyBytes,
  type Exchange,
  jsonAnswer,
  mediaType,
  rawAnswer,
  sendAnswer,
} from './answer.ts';
import type { Call, Dialect } from './dialect.ts';
import {
  type Fault,
  type FaultName,
  type FaultOf,
  type FaultQueue,
  type Operation,
  readFault,
} from './faults.ts';
import type { FileShelf, StoredFile } from './file-shelf.ts';
import type { BodyBehaviour } from './read-upload.ts';
import { isRecord } from './settings.ts';

/** Where a fault steps into the course of a request; what is left out goes its usual way. */
export interface FaultPlan {
  /** Has the connection to itself; nothing was read, nothing else happens. */
  readonly takeOver?: (exchange: Exchange) => Promise<void>;
  readonly body?: BodyBehaviour;
  /** Answered after the body was read, in place of the operation. */
  readonly instead?: Answer;
  /** Added to the creation time of a file stored. */
  readonly skewSeconds?: number;
  readonly ignoreCursor?: boolean;
  readonly listFiles?: (files: readonly StoredFile[]) => readonly StoredFile[];
  /** Changes the answer to an operation that was carried out. */
  readonly edit?: (answer: Answer, stored: StoredFile | null) => Answer | Promise<Answer>;
  /** Sends the answer, or does not. */
  readonly deliver?: (exchange: Exchange, answer: Answer) => Promise<void>;
}

/** What a plan may draw on. */
export interface Stage {
  readonly call: Call;
  readonly operation: Operation;
  readonly dialect: Dialect;
  readonly shelf: FileShelf;
  readonly queue: FaultQueue;
}

/** The course a fault gives to the request on `stage`. */
export const planFault = (fault: Fault, stage: Stage): FaultPlan => {
  const plan = PLANS[fault.fault] as (parameters: Fault['parameters'], stage: Stage) => FaultPlan;
  return plan(fault.parameters, stage);
};

type Planner<N extends FaultName> = (parameters: FaultOf<N>['parameters'], stage: Stage) => FaultPlan;
type StatusParameters = FaultOf<'status'>['parameters'];

const PLANS: { readonly [N in FaultName]: Planner<N> } = {
  status: (parameters, stage) => ({ instead: statusAnswer(parameters, stage) }),
  'reset-before': () => ({ takeOver: reset }),
  'reset-mid': ({ afterBytes }) => ({ body: { resetAfterBytes: afterBytes } }),
  stall: () => ({ takeOver: stall }),
  drip: ({ bytesPerSecond }) => ({ body: { bytesPerSecond } }),
  'slow-answer': ({ delayMs }) => ({
    deliver: async (exchange, answer) => {
      await wait(delayMs, undefined, { signal: exchange.signal });
      await sendAnswer(exchange, answer);
    },
  }),
  'early-status': (parameters, stage) => ({
    takeOver: (exchange) => answerEarly(exchange, statusAnswer(parameters, stage), parameters.lingerMs),
  }),
  'endless-body': (parameters) => ({
    deliver: (exchange, answer) => sendEndlessly(exchange, answer, parameters),
  }),
  'store-then-reset': () => ({ deliver: reset }),
  'store-then-stall': () => ({ deliver: stall }),
  'store-then-status': (parameters, stage) => ({ edit: () => statusAnswer(parameters, stage) }),
  'malformed-json': () => ({ edit: (answer) => asJson(answer, '{"id": "unfinis, "object": file,,}') }),
  'truncated-json': () => ({
    edit: async (answer) => asJson(answer, halfOf(await bodyBytes(answer))),
  }),
  'empty-body': () => ({ edit: (answer) => asJson(answer, '') }),
  'html-body': () => ({
    edit: (answer) => rawAnswer(answer.status, PROXY_PAGE, { type: 'text/html; charset=utf-8' }),
  }),
  'no-id': ({ value }) => ({ edit: (answer) => mapFiles(answer, (file) => withId(file, NO_ID[value])) }),
  'bad-id': ({ id }) => ({ edit: (answer) => mapFiles(answer, (file) => withId(file, id)) }),
  'dup-id': ({ id }, { shelf }) => ({
    edit: (answer, stored) => {
      const taken = id ?? shelf.files().findLast((file) => file.id !== stored?.id)?.id;
      return mapFiles(answer, (file) => withId(file, taken ?? stored?.id));
    },
  }),
  'wrong-bytes': ({ delta }) => ({
    edit: (answer) => mapFiles(answer, (file) => shift(file, 'bytes', delta)),
  }),
  'error-in-200': ({ code }, { dialect, call }) => ({
    instead: { ...dialect.failure(call, 500, code), status: 200 },
  }),
  redirect: ({ location, status }) => ({
    instead: { ...rawAnswer(status, '', { type: 'text/plain' }), headers: { location } },
  }),
  'bad-length': ({ delta }) => ({
    deliver: async (exchange, answer) => {
      const length = Math.max(0, (await bodyBytes(answer)).length + delta);
      // Without the close the client would take the rest of the body for the next answer's head.
      const headers = { ...answer.headers, 'content-length': String(length), connection: 'close' };
      await sendAnswer(exchange, { ...answer, headers });
    },
  }),
  'gzip-garbage': () => ({ edit: (answer) => gzipped(answer, randomBytes(64)) }),
  gzip: () => ({ edit: async (answer) => gzipped(answer, gzipSync(await bodyBytes(answer))) }),
  'no-such': (_, { dialect, call }) => ({ instead: dialect.missing(call) }),
  'deleted-false': (_, { dialect, call }) => ({ instead: dialect.deleted(call.id ?? '', false) }),
  'delete-then-status': (parameters, stage) => ({
    edit: () => statusAnswer(parameters, stage),
    ...(parameters.reset ? { deliver: reset } : {}),
  }),
  'omit-newest': ({ count }) => ({ listFiles: (files) => files.slice(count) }),
  'repeat-page': () => ({ ignoreCursor: true, edit: repeatPage }),
  'endless-pages': () => ({ ignoreCursor: true, edit: inventPage }),
  'include-deleted': (_, { shelf }) => ({
    listFiles: (files) =>
      [...files, ...shelf.removed().map(({ file }) => file)].sort((a, b) => b.sequence - a.sequence),
  }),
  shuffle: () => ({ edit: (answer) => mapList(answer, shuffled) }),
  'list-fails-half-way': (_, { queue }) => ({
    edit: (answer) => (isPaged(answer) ? halfPage(answer, queue) : answer),
    deliver: (exchange, answer) =>
      isPaged(answer) ? sendAnswer(exchange, answer) : sendHalfThenReset(exchange, answer),
  }),
  'clock-skew': ({ skewSeconds }, { operation }) => ({
    skewSeconds,
    edit: (answer) => ({
      // An upload's time was skewed when it was stored.
      ...(operation === 'upload'
        ? answer
        : mapFiles(answer, (file) => shift(file, 'created_at', skewSeconds))),
      headers: { ...answer.headers, date: new Date(Date.now() + skewSeconds * 1_000).toUTCString() },
    }),
  }),
};

const NO_ID = { absent: undefined, empty: '', numeric: 12_345, null: null } as const;
const PROXY_PAGE =
  '<!doctype html><html><head><title>Gateway</title></head><body>Please wait.</body></html>\n';
const INVENTED_PER_PAGE = 20;

const statusAnswer = (parameters: StatusParameters, { dialect, call }: Stage): Answer => {
  const { status, code, body, headers, retryAfter } = parameters;
  const extra = { ...headers, ...(retryAfter === null ? {} : { 'retry-after': String(retryAfter) }) };
  if (typeof body === 'string') {
    return rawAnswer(status, body, {
      type: body.startsWith('<') ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8',
      headers: extra,
    });
  }
  const answer = body === undefined ? dialect.failure(call, status, code) : jsonAnswer(status, body);
  return { ...answer, headers: extra };
};

const reset = async ({ request }: Exchange): Promise<void> => {
  request.socket.resetAndDestroy();
};

const stall = async ({ signal }: Exchange): Promise<void> => {
  if (!signal.aborted) await once(signal, 'abort');
};

// Ended only after the linger, because the server closes at the end, and a close over unread bytes is a reset
// that could overtake the answer.
const answerEarly = async (exchange: Exchange, answer: Answer, lingerMs: number): Promise<void> => {
  const { response, record, signal } = exchange;
  const payload = await bodyBytes(answer);
  record.status = answer.status;
  response.writeHead(answer.status, {
    'content-type': mediaType(answer),
    'content-length': payload.length,
    ...answer.headers,
    connection: 'close',
  });
  response.write(payload);
  await wait(lingerMs, undefined, { signal });
  response.end();
  response.socket?.destroySoon();
};

const sendEndlessly = async (
  { response, record, signal }: Exchange,
  answer: Answer,
  { chunkBytes, delayMs }: { chunkBytes: number; delayMs: number },
): Promise<void> => {
  record.status = answer.status;
  response.writeHead(answer.status, { 'content-type': mediaType(answer), ...answer.headers });
  const beginning = (await bodyBytes(answer)).subarray(0, -1);
  const filler = Buffer.alloc(chunkBytes, ' ');
  for (let chunk: Buffer = beginning; !signal.aborted; chunk = filler) {
    if (!response.write(chunk)) await once(response, 'drain', { signal });
    await wait(delayMs, undefined, { signal });
  }
};

const sendHalfThenReset = async (exchange: Exchange, answer: Answer): Promise<void> => {
  const { request, response, record } = exchange;
  const payload = await bodyBytes(answer);
  record.status = answer.status;
  response.writeHead(answer.status, { 'content-type': mediaType(answer), 'content-length': payload.length });
  response.write(halfOf(payload), () => request.socket.destroy());
};

const halfOf = (bytes: Buffer): Buffer => bytes.subarray(0, Math.floor(bytes.length / 2));

const asJson = ({ status }: Answer, raw: string | Buffer): Answer =>
  rawAnswer(status, raw, { type: 'application/json; charset=utf-8' });

const gzipped = (answer: Answer, raw: Buffer): Answer =>
  rawAnswer(answer.status, raw, {
    type: mediaType(answer),
    headers: { ...answer.headers, 'content-encoding': 'gzip' },
  });

type Json = Record<string, unknown>;

const editJson = (answer: Answer, edit: (json: Json) => Json): Answer =>
  'json' in answer.body && isRecord(answer.body.json)
    ? { ...answer, body: { json: edit(answer.body.json) } }
    : answer;

const mapFiles = (answer: Answer, edit: (file: Json) => Json): Answer =>
  editJson(answer, (json) => {
    if (Array.isArray(json.data)) return { ...json, data: json.data.map(edit) };
    return isRecord(json.data) ? { ...json, data: edit(json.data) } : edit(json);
  });

const mapList = (answer: Answer, edit: (entries: readonly unknown[]) => readonly unknown[]): Answer =>
  editJson(answer, (json) => (Array.isArray(json.data) ? { ...json, data: edit(json.data) } : json));

const isPaged = ({ body }: Answer): boolean =>
  'json' in body && isRecord(body.json) && Object.hasOwn(body.json, 'has_more');

const withMore = (answer: Answer): Answer => editJson(answer, (json) => ({ ...json, has_more: true }));

const repeatPage = (answer: Answer): Answer =>
  isPaged(answer) ? withMore(answer) : mapList(answer, (entries) => [...entries, ...entries]);

const inventPage = (answer: Answer): Answer =>
  withMore(mapList(answer, () => Array.from({ length: INVENTED_PER_PAGE }, inventFile)));

const inventFile = (): Json => ({
  id: randomUUID(),
  object: 'file',
  bytes: 1,
  created_at: Math.floor(Date.now() / 1_000),
  filename: `someone-elses-${randomUUID()}.txt`,
  purpose: 'batch',
});

const halfPage = (answer: Answer, queue: FaultQueue): Answer => {
  queue.addFirst(readFault({ fault: 'status', on: 'list', status: 500 }));
  return withMore(mapList(answer, (entries) => entries.slice(0, Math.ceil(entries.length / 2))));
};

// Two or more entries never keep their order, so that the fault always shows.
const shuffled = (entries: readonly unknown[]): readonly unknown[] => {
  const drawn = entries.map((entry) => ({ entry, key: Math.random() })).sort((a, b) => a.key - b.key);
  const order = drawn.map(({ entry }) => entry);
  return order.every((entry, i) => entry === entries[i]) ? [...order.slice(1), ...order.slice(0, 1)] : order;
};

const withId = (file: Json, id: unknown): Json => ({ ...file, id });

const shift = (file: Json, field: string, by: number): Json =>
  typeof file[field] === 'number' ? { ...file, [field]: file[field] + by } : file;
