import type { Readable } from 'node:stream';
import { Agent, type Dispatcher, request } from 'undici';
import { systemCode } from '../core/errors.ts';
import { ClientError } from './client-error.ts';
import { refusalOf, unexpectedAnswer } from './refusal.ts';

export interface CallerOptions {
  /** The gateway's address, with or without a path in front of `/v1`. */
  readonly url: string;
  /** A token, or what gives one that is still good each time it is asked. */
  readonly token: string | (() => Promise<string>);
}

export interface Call {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Below the address; ids in it must be encoded. */
  readonly path: string;
  /** Entries without a value are left out. */
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Readable | string;
  readonly signal?: AbortSignal | undefined;
}

interface Answer {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The caller must read it to the end or end the iteration. */
  readonly body: AsyncIterable<Buffer>;
}

export interface Caller {
  /** Sends one request and reads a JSON answer, which `isExpected` must recognise. */
  json<T>(call: Call, isExpected: (json: unknown) => json is T): Promise<T>;
  /** Sends one request and hands the body of the answer on as it comes. */
  stream(call: Call): Promise<Answer>;
  /** Closes idle connections and ends running requests. */
  close(): Promise<void>;
}

const CONNECT_MS = 10_000;
/** Above the longest wait for deliveries or removals that can be asked of the gateway, 100 s. */
const ANSWER_MS = 130_000;
const IDLE_MS = 60_000;
/** More than a page of 10,000 files needs, and a bound on what a hostile answer can cost. */
const MAX_JSON_BYTES = 64 * 2 ** 20;

/**
 * The one way to the gateway. One request per call, no retry, no redirect, so that a token goes to the address it was
 * given for and nowhere else. Rejects with `ClientError`, or with the signal's reason.
 */
export const createCaller = ({ url, token }: CallerOptions): Caller => {
  const base = baseOf(url);
  const dispatcher = new Agent({
    connect: { timeout: CONNECT_MS },
    headersTimeout: ANSWER_MS,
    bodyTimeout: IDLE_MS,
  });

  const send = async (call: Call): Promise<Dispatcher.ResponseData> => {
    const authorization = `Bearer ${typeof token === 'string' ? token : await token()}`;
    const target = new URL(`${base}${call.path}`);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) target.searchParams.set(name, value);
    }
    const response = await request(target, {
      dispatcher,
      method: call.method,
      body: call.body ?? null,
      signal: call.signal ?? null,
      headers: { accept: 'application/json', 'user-agent': 'waybill', ...call.headers, authorization },
    });
    if (response.statusCode >= 200 && response.statusCode < 300) return response;
    throw refusalOf(base, response, await readJson(response.body));
  };

  /** Names what went wrong on the way; an abort by the caller stays the caller's. */
  const explained = (error: unknown, signal: AbortSignal | undefined): unknown => {
    if (signal?.aborted) return signal.reason;
    if (error instanceof ClientError) return error;
    return networkError(base, error);
  };

  async function* received(body: Readable, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
    try {
      yield* body;
    } catch (error) {
      throw explained(error, signal);
    }
  }

  return {
    json: async (call, isExpected) => {
      try {
        const { statusCode, body } = await send(call);
        const json = await readJson(body);
        if (isExpected(json)) return json;
        throw unexpectedAnswer(base, statusCode);
      } catch (error) {
        throw explained(error, call.signal);
      }
    },
    stream: async (call) => {
      try {
        const { headers, body } = await send(call);
        return { headers, body: received(body, call.signal) };
      } catch (error) {
        throw explained(error, call.signal);
      }
    },
    close: () => dispatcher.destroy(),
  };
};

/** Without what does not belong to a base address; credentials in it would show up in messages. */
const baseOf = (url: string): string => {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname.replace(/\/+$/u, '')}`;
};

/** Failures before a connection stands: nothing of the request has left. */
const NOT_CONNECTED =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT)$/u;

const networkError = (base: string, error: unknown): ClientError => {
  const code = systemCode(error) ?? 'network error';
  if (NOT_CONNECTED.test(code)) {
    const message = `No gateway answers at ${base} (${code}); start one with "npm start" or "npx waybill serve", or name another with --url.`;
    return new ClientError('gateway_unreachable', message, { cause: error });
  }
  const message = `The connection to ${base} was lost (${code}); check that the gateway still runs and try again.`;
  return new ClientError('connection_lost', message, { cause: error });
};

/** Null when it is no JSON, or far too much of it. */
const readJson = async (body: AsyncIterable<Buffer>): Promise<unknown> => {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_JSON_BYTES) return null;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return null;
  }
};
