import {
  anyJson,
  fallbacks,
  flag,
  headerMap,
  httpStatus,
  isRecord,
  milliseconds,
  oneOf,
  optionalHeaderValue,
  optionalText,
  readSettings,
  requiredText,
  type SettingTable,
  type SettingValues,
  text,
  UnusableSetting,
  wholeNumber,
} from './settings.ts';

/**
 * The requests of an upload in several: opening it, sending a part that is not the last, ending it (with or without
 * a last part), asking how far it is, giving it up. At OpenAI: create, parts (each a `chunk`), complete (`finalize`) and
 * cancel.
 */
const UPLOAD_STEPS = ['start', 'chunk', 'finalize', 'query', 'cancel'] as const;
/**
 * What a client can ask of a Files API. A fault on `upload` plays on the request that makes the file, so where an
 * upload takes several, on `finalize`.
 */
const OPERATIONS = ['upload', 'list', 'retrieve', 'content', 'delete', ...UPLOAD_STEPS] as const;
const SENDING = ['upload', 'start', 'chunk', 'finalize'] as const;
/** Steps whose answers carry an id: of the file, and at OpenAI of the Upload or the Part. */
const WITH_ID = ['finalize', 'start', 'chunk'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Whether it is one of the requests of an upload in several. */
export const isUploadStep = (operation: Operation): boolean =>
  UPLOAD_STEPS.some((step) => step === operation);

interface FaultEntry {
  /** Operations the fault makes sense for; the first is meant when a request to queue it names none. */
  readonly on: readonly Operation[];
  readonly parameters: SettingTable;
  /** How often it plays when `times` is left out; 1 unless one play would not show the fault. */
  readonly times?: number;
}

// Without `body` the provider's own error for that status (and `code`, its business code or error type) is answered;
// a string body goes out as it is, as HTML when it starts with "<", and anything else as JSON.
const statusParameters = (status: number) => ({
  status: httpStatus(status),
  code: optionalText(),
  body: anyJson(),
  headers: headerMap(),
  retryAfter: optionalHeaderValue(),
});

/**
 * Every fault an emulator can play, with the operations and parameters it takes: the one list from which the types,
 * the check of `POST /__emulator/faults` and the table of effects (`fault-plans.ts`) follow.
 *
 * Unless said otherwise a fault plays after the operation was carried out: what was uploaded is stored, what was
 * deleted is gone, and only the answer is wrong.
 */
export const FAULTS = {
  /** The operation is not carried out; any status is answered once the body was read. */
  status: { on: OPERATIONS, parameters: statusParameters(500) },
  /** Connection reset on arrival; nothing of the body is read. */
  'reset-before': { on: OPERATIONS, parameters: {} },
  /** Connection reset once that many bytes of the request body were read; nothing is stored. */
  'reset-mid': { on: SENDING, parameters: { afterBytes: wholeNumber(65_536) } },
  /** Never reads the body and never answers. */
  stall: { on: OPERATIONS, parameters: {} },
  /** Reads the body at this pace, then answers as usual. */
  drip: { on: SENDING, parameters: { bytesPerSecond: wholeNumber(65_536, { min: 1 }) } },
  /** Carries the operation out at once and answers that much later. */
  'slow-answer': { on: OPERATIONS, parameters: { delayMs: milliseconds(1_000) } },
  /** Answers before the body is read and closes the connection `lingerMs` later; nothing is stored. */
  'early-status': {
    on: SENDING,
    parameters: { ...statusParameters(413), lingerMs: milliseconds(100) },
  },
  /** The answer's body goes on until the client hangs up. */
  'endless-body': {
    on: OPERATIONS,
    parameters: { chunkBytes: wholeNumber(1_024, { min: 1, max: 1_048_576 }), delayMs: milliseconds(20) },
  },
  'store-then-reset': { on: SENDING, parameters: {} },
  'store-then-stall': { on: SENDING, parameters: {} },
  'store-then-status': { on: SENDING, parameters: statusParameters(500) },
  'malformed-json': { on: OPERATIONS, parameters: {} },
  /** The first half of the right answer, with a Content-Length that fits it. */
  'truncated-json': { on: OPERATIONS, parameters: {} },
  'empty-body': { on: OPERATIONS, parameters: {} },
  /** A proxy's page under the status of success. */
  'html-body': { on: OPERATIONS, parameters: {} },
  'no-id': {
    on: ['upload', 'retrieve', ...WITH_ID],
    parameters: { value: oneOf('absent', 'empty', 'numeric', 'null') },
  },
  'bad-id': { on: ['upload', 'retrieve', ...WITH_ID], parameters: { id: text('../../admin') } },
  /** The id of another file: `id`, or else the oldest one stored. */
  'dup-id': { on: ['upload', 'finalize'], parameters: { id: optionalText() } },
  /** Every `bytes` in the answer is off by `delta`. */
  'wrong-bytes': {
    on: ['upload', 'retrieve', 'list', 'finalize'],
    parameters: { delta: wholeNumber(-1, { min: -1e9, max: 1e9 }) },
  },
  /** Status 200 with an error inside; the operation is not carried out. */
  'error-in-200': { on: OPERATIONS, parameters: { code: optionalText() } },
  /** The operation is not carried out; the client is sent to `location`. */
  redirect: { on: OPERATIONS, parameters: { location: requiredText(), status: httpStatus(307) } },
  /** Content-Length is off by `delta`; the connection closes after the body. */
  'bad-length': { on: OPERATIONS, parameters: { delta: wholeNumber(10, { min: -1e6, max: 1e6 }) } },
  /** Says gzip, sends noise. */
  'gzip-garbage': { on: OPERATIONS, parameters: {} },
  /** A right answer, compressed without being asked. */
  gzip: { on: OPERATIONS, parameters: {} },
  /** 404 for a file, or an upload under way, that is there, and stays. */
  'no-such': {
    on: ['delete', 'retrieve', 'content', 'chunk', 'finalize', 'query', 'cancel'],
    parameters: {},
  },
  /** The answer lacks a header; the fallback is the one from which a Gemini client learns that an upload goes on. */
  'missing-header': { on: UPLOAD_STEPS, parameters: { name: text('x-goog-upload-status') } },
  /** 200 that says `deleted: false`; the file stays. */
  'deleted-false': { on: ['delete'], parameters: {} },
  /** Deletes, then answers the status, or resets the connection. */
  'delete-then-status': { on: ['delete'], parameters: { ...statusParameters(500), reset: flag(false) } },
  /** A list without the newest `count` files. */
  'omit-newest': { on: ['list'], parameters: { count: wholeNumber(1, { min: 1 }) } },
  /** The first page whatever the cursor, and more to come; in a list without pages every entry twice. */
  'repeat-page': { on: ['list'], parameters: {}, times: 2 },
  /** Pages of invented foreign files, always with more to come. */
  'endless-pages': { on: ['list'], parameters: {}, times: 1_000_000 },
  /** A list that still shows what was deleted. */
  'include-deleted': { on: ['list'], parameters: {} },
  shuffle: { on: ['list'], parameters: {} },
  /** Half the files and a promise of more, then a 500 for the next page; without pages half the text, then a reset. */
  'list-fails-half-way': { on: ['list'], parameters: {} },
  /** The provider's clock is off: in what it answers and, for an upload, in what it stores. */
  'clock-skew': {
    on: ['upload', 'list', 'retrieve'],
    parameters: { skewSeconds: wholeNumber(86_400, { min: -1e9, max: 1e9 }) },
  },
} as const satisfies Record<string, FaultEntry>;

export type FaultName = keyof typeof FAULTS;

/** A fault ready to play, every parameter filled in. */
export type FaultOf<N extends FaultName> = {
  readonly fault: N;
  readonly on: Operation;
  /** Plays left. */
  readonly times: number;
  readonly parameters: SettingValues<(typeof FAULTS)[N]['parameters']>;
};
export type Fault = { [N in FaultName]: FaultOf<N> }[FaultName];

/** Faults waiting to play. Each request takes the first one queued for its operation. */
export interface FaultQueue {
  /** Queues a fault as described in a control request's body. Throws `UnusableSetting`. */
  add(input: unknown): Fault;
  /** Puts a fault before all others. */
  addFirst(fault: Fault): void;
  take(operation: Operation): Fault | null;
  clear(): void;
  all(): readonly Fault[];
}

export const createFaultQueue = (): FaultQueue => {
  let waiting: readonly Fault[] = [];
  return {
    add: (input) => {
      const fault = readFault(input);
      waiting = [...waiting, fault];
      return fault;
    },
    addFirst: (fault) => {
      waiting = [fault, ...waiting];
    },
    take: (operation) => {
      const next = waiting.find((fault) => fault.on === operation);
      if (next === undefined) return null;
      waiting = waiting.flatMap((fault) => {
        if (fault !== next) return [fault];
        return fault.times > 1 ? [{ ...fault, times: fault.times - 1 }] : [];
      });
      return next;
    },
    clear: () => {
      waiting = [];
    },
    all: () => waiting,
  };
};

/** Checks a fault from outside against `FAULTS` and fills in what was left out. Throws `UnusableSetting`. */
export const readFault = (input: unknown): Fault => {
  if (!isRecord(input)) throw new UnusableSetting('a fault is a JSON object with at least "fault"');
  const { fault: name, on: given, times: givenTimes, ...parameters } = input;
  if (!isFaultName(name)) throw new UnusableSetting(`"fault" names no fault: ${JSON.stringify(name)}`);
  const entry: FaultEntry = FAULTS[name];
  const on = entry.on.find((operation) => given === undefined || operation === given);
  if (on === undefined) {
    throw new UnusableSetting(`"on" must be one of ${entry.on.join(', ')} for ${name}`);
  }
  const { times } = {
    times: entry.times ?? 1,
    ...readSettings(TIMES, givenTimes === undefined ? {} : { times: givenTimes }),
  };
  const values = { ...fallbacks(entry.parameters), ...readSettings(entry.parameters, parameters) };
  return { fault: name, on, times, parameters: values } as Fault;
};

const TIMES = { times: wholeNumber(1, { min: 1 }) };

const isFaultName = (name: unknown): name is FaultName =>
  typeof name === 'string' && Object.hasOwn(FAULTS, name);
