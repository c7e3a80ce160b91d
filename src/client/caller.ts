import { ClientError } from './client-error.ts';
import { pause } from './pause.ts';
import { type Body, type Platform, type TransportAnswer, TransportError } from './platform.ts';
import { refusalOf, unexpectedAnswer } from './refusal.ts';

export interface CallerOptions {
  /** The gateway's address, with or without a path in front of `/v1`. */
  readonly url: string;
  /** A token, or what gives one that is still good each time it is asked. */
  readonly token: string | (() => Promise<string>);
  /** How long a call waits in all where the gateway refuses it for now and says when to come back. Default: 2 minutes. */
  readonly patienceMs?: number | undefined;
}

export interface Call {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** Below the address; ids in it must be encoded. */
  readonly path: string;
  /** Entries without a value are left out. */
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body;
  /** Of a body that is opened. */
  readonly bodyBytes?: number;
  readonly onSent?: ((sentBytes: number) => void) | undefined;
  /** Called before a wait that the gateway asks for. */
  readonly onWait?: ((waitMs: number, why: ClientError) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** All of it rejects with `ClientError`, or with the signal's reason, or with what reading the body to send failed with. */
export interface Caller {
  /** The address without what does not belong to it. */
  readonly base: string;
  readonly patienceMs: number;
  /** Whether any answer has come, of whatever kind, since the caller was made. */
  hasAnswered(): boolean;
  isClosed(): boolean;
  /** Reads a JSON answer, which `isExpected` must recognise. */
  json<T>(call: Call, isExpected: (json: unknown) => json is T): Promise<T>;
  /** Hands the body of the answer on as it comes. */
  stream(call: Call): Promise<TransportAnswer>;
  /** Sends one request once, waits for nothing, and drops the body of the answer. */
  once(call: Call): Promise<Pick<TransportAnswer, 'status' | 'header'>>;
  /** Closes idle connections and ends running requests. */
  close(): Promise<void>;
}

const PATIENCE_MS = 120_000;
/** Before a second look, where the connection was lost or the gateway is just starting. */
const SECOND_TRY_AFTER_MS = 250;
/** More than a page of 10,000 files needs, and a bound on what a hostile answer can cost. */
const MAX_JSON_BYTES = 64 * 2 ** 20;

/** The one way to the gateway. The owner calls `close`. Throws `TypeError` when `url` is no address. */
export const createCaller = (
  { url, token, patienceMs = PATIENCE_MS }: CallerOptions,
  platform: Platform,
): Caller => {
  const base = baseOf(url);
  const transport = platform.openTransport();
  let hasAnswered = false;
  let isClosed = false;

  const send = async (call: Call): Promise<TransportAnswer> => {
    const authorization = `Bearer ${typeof token === 'string' ? token : await token()}`;
    call.signal?.throwIfAborted();
    const target = new URL(`${base}${call.path}`);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) target.searchParams.set(name, value);
    }
    const answer = await transport.send({
      method: call.method,
      url: target,
      headers: { accept: 'application/json', ...call.headers, authorization },
      body: call.body ?? null,
      bodyBytes: call.bodyBytes ?? null,
      onSent: call.onSent,
      signal: call.signal,
    });
    hasAnswered = true;
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw refusalOf(base, answer, await readJson(answer.body));
  };

  /** Names what went wrong on the way; an abort by the caller stays the caller's. */
  const explained = (error: unknown, signal: AbortSignal | undefined): unknown => {
    if (signal?.aborted) return signal.reason;
    return error instanceof TransportError ? networkError(base, error, hasAnswered) : error;
  };

  /** What is done with a call, done once. */
  const attempt = async <Result>(
    call: Call,
    use: (answer: TransportAnswer) => Promise<Result>,
  ): Promise<Result> => {
    try {
      return await use(await send(call));
    } catch (error) {
      throw explained(error, call.signal);
    }
  };

  const patiently = <Result>(call: Call, work: () => Promise<Result>): Promise<Result> =>
    bearing(work, { call, patienceMs, isClosed: () => isClosed });

  async function* received(body: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined) {
    try {
      yield* body;
    } catch (error) {
      throw explained(error, signal);
    }
  }

  return {
    base,
    patienceMs,
    hasAnswered: () => hasAnswered,
    isClosed: () => isClosed,
    json: (call, isExpected) =>
      patiently(call, () =>
        attempt(call, async ({ status, body }) => {
          const json = await readJson(body);
          if (isExpected(json)) return json;
          throw unexpectedAnswer(base, status);
        }),
      ),
    stream: (call) =>
      patiently(call, () =>
        attempt(call, async (answer) => ({ ...answer, body: received(answer.body, call.signal) })),
      ),
    once: (call) =>
      attempt(call, async (answer) => {
        await readJson(answer.body);
        return answer;
      }),
    close: async () => {
      isClosed = true;
      await transport.close();
    },
  };
};

/** Does it again where that is the gateway's own advice, or costs nothing and may help. */
const bearing = async <Result>(
  work: () => Promise<Result>,
  { call, patienceMs, isClosed }: { call: Call; patienceMs: number; isClosed: () => boolean },
): Promise<Result> => {
  let leftMs = patienceMs;
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await work();
    } catch (error) {
      const waitMs = isClosed() ? null : waitFor(error, call, isFirst);
      if (waitMs === null || waitMs > leftMs) throw error;
      if (waitMs > SECOND_TRY_AFTER_MS) call.onWait?.(waitMs, error as ClientError);
      await pause(waitMs, call.signal);
      leftMs -= waitMs;
    }
  }
};

const waitFor = (error: unknown, { method }: Call, isFirst: boolean): number | null => {
  if (!(error instanceof ClientError)) return null;
  if (error.httpStatus === 429) return error.retryAfterMs;
  const mayPass = error.code === 'connection_lost' || error.httpStatus === 503;
  // Asking again changes nothing at the gateway.
  return method === 'GET' && isFirst && mayPass ? SECOND_TRY_AFTER_MS : null;
};

/** Without what does not belong to a base address; credentials in it would show up in messages. */
const baseOf = (url: string): string => {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname.replace(/\/+$/u, '')}`;
};

const networkError = (base: string, error: TransportError, hasAnswered: boolean): ClientError => {
  const { message: reason, wasConnected } = error;
  if (wasConnected ?? hasAnswered) {
    const message = `The connection to ${base} was lost (${reason}); check that the gateway still runs and try again.`;
    return new ClientError('connection_lost', message, { cause: error });
  }
  if (wasConnected === null) {
    const message = `No gateway answers at ${base}, or it lets no page of this origin ask; check the address, and CORS_ORIGINS at the gateway.`;
    return new ClientError('gateway_unreachable', message, { cause: error });
  }
  const message = `No gateway answers at ${base} (${reason}); start one with "npm start" or "npx waybill serve", or name another with --url.`;
  return new ClientError('gateway_unreachable', message, { cause: error });
};

/** Null when it is no JSON, or far too much of it. */
const readJson = async (body: AsyncIterable<Uint8Array>): Promise<unknown> => {
  const decoder = new TextDecoder();
  let sizeBytes = 0;
  let text = '';
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_JSON_BYTES) return null;
    text += decoder.decode(chunk, { stream: true });
  }
  try {
    return JSON.parse(text + decoder.decode());
  } catch {
    return null;
  }
};
