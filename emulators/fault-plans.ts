import { randomBytes } from 'node:crypto';
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
import {
  type AnswerShape,
  editJson,
  mapFiles,
  mapList,
  OPENAI_SHAPE,
  shiftBytes,
  shiftTimes,
  withId,
} from './answer-shape.ts';
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

const shapeOf = ({ dialect }: Stage): AnswerShape => dialect.shape ?? OPENAI_SHAPE;

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
  'no-id': ({ value }, stage) => ({ edit: (answer) => answerId(answer, stage, NO_ID[value]) }),
  'bad-id': ({ id }, stage) => ({ edit: (answer) => answerId(answer, stage, id) }),
  'dup-id': ({ id }, stage) => ({
    edit: (answer, stored) => {
      const taken = id ?? stage.shelf.files().findLast((file) => file.id !== stored?.id)?.id;
      return answerId(answer, stage, taken ?? stored?.id);
    },
  }),
  'wrong-bytes': ({ delta }, stage) => ({
    edit: (answer) => mapFiles(answer, shapeOf(stage), (file) => shiftBytes(file, shapeOf(stage), delta)),
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
  'missing-header': ({ name }) => ({ edit: (answer) => without(answer, name) }),
  'no-such': (_, { dialect, call, shelf }) => ({ instead: dialect.missing(call, shelf) }),
  'deleted-false': (_, { dialect, call }) => ({ instead: dialect.deleted(call.id ?? '', false) }),
  'delete-then-status': (parameters, stage) => ({
    edit: () => statusAnswer(parameters, stage),
    ...(parameters.reset ? { deliver: reset } : {}),
  }),
  'omit-newest': ({ count }) => ({ listFiles: (files) => files.slice(count) }),
  'repeat-page': (_, stage) => ({ ignoreCursor: true, edit: (answer) => repeatPage(answer, shapeOf(stage)) }),
  'endless-pages': (_, stage) => ({
    ignoreCursor: true,
    edit: (answer) => inventPage(answer, shapeOf(stage)),
  }),
  'include-deleted': (_, { shelf }) => ({
    listFiles: (files) =>
      [...files, ...shelf.removed().map(({ file }) => file)].sort((a, b) => b.sequence - a.sequence),
  }),
  shuffle: (_, stage) => ({ edit: (answer) => mapList(answer, shapeOf(stage), shuffled) }),
  'list-fails-half-way': (_, stage) => ({
    edit: (answer) => (isPaged(answer, shapeOf(stage)) ? halfPage(answer, stage) : answer),
    deliver: (exchange, answer) =>
      isPaged(answer, shapeOf(stage)) ? sendAnswer(exchange, answer) : sendHalfThenReset(exchange, answer),
  }),
  'clock-skew': ({ skewSeconds }, stage) => ({
    skewSeconds,
    edit: (answer) => ({
      // An upload's time was skewed when it was stored.
      ...(stage.operation === 'upload' || stage.operation === 'finalize'
        ? answer
        : mapFiles(answer, shapeOf(stage), (file) => shiftTimes(file, shapeOf(stage), skewSeconds))),
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
  return { ...answer, headers: { ...answer.headers, ...extra } };
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

const asJson = ({ status, headers }: Answer, raw: string | Buffer): Answer =>
  rawAnswer(status, raw, { type: 'application/json; charset=utf-8', headers });

const gzipped = (answer: Answer, raw: Buffer): Answer =>
  rawAnswer(answer.status, raw, {
    type: mediaType(answer),
    headers: { ...answer.headers, 'content-encoding': 'gzip' },
  });

const without = (answer: Answer, name: string): Answer => ({
  ...answer,
  headers: Object.fromEntries(
    Object.entries(answer.headers).filter(([header]) => header.toLowerCase() !== name.toLowerCase()),
  ),
});

const answerId = (answer: Answer, stage: Stage, id: unknown): Answer =>
  mapFiles(answer, shapeOf(stage), (file) => withId(file, shapeOf(stage), id));

const isPaged = ({ body }: Answer, shape: AnswerShape): boolean =>
  'json' in body && isRecord(body.json) && shape.isPaged(body.json);

const repeatPage = (answer: Answer, shape: AnswerShape): Answer =>
  isPaged(answer, shape)
    ? editJson(answer, shape.withMore)
    : mapList(answer, shape, (entries) => [...entries, ...entries]);

const inventPage = (answer: Answer, shape: AnswerShape): Answer => {
  const invented = Array.from({ length: INVENTED_PER_PAGE }, shape.invented);
  return editJson(
    mapList(answer, shape, () => invented),
    shape.withMore,
  );
};

const halfPage = (answer: Answer, stage: Stage): Answer => {
  stage.queue.addFirst(readFault({ fault: 'status', on: 'list', status: 500 }));
  const half = mapList(answer, shapeOf(stage), (entries) => entries.slice(0, Math.ceil(entries.length / 2)));
  return editJson(half, shapeOf(stage).withMore);
};

// Two or more entries never keep their order, so that the fault always shows.
const shuffled = (entries: readonly unknown[]): readonly unknown[] => {
  const drawn = entries.map((entry) => ({ entry, key: Math.random() })).sort((a, b) => a.key - b.key);
  const order = drawn.map(({ entry }) => entry);
  return order.every((entry, i) => entry === entries[i]) ? [...order.slice(1), ...order.slice(0, 1)] : order;
};
