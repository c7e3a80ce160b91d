import { pipeline, Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { Agent, type Dispatcher } from 'undici';
import type { z } from 'zod';
import { GatewayError, type RemoteOutcome, type Retry, systemCode } from '../core/errors.ts';
import { parseRetryAfter } from './retry-after.ts';
import { requestWatched, type WatchCall } from './watched-call.ts';

/** How long to wait for a provider; the same for all of them. */
export interface Timeouts {
  /** Until the connection stands. */
  readonly connectMs: number;
  /** Without a byte moving, in either direction. */
  readonly idleMs: number;
  /** For the whole exchange. */
  readonly totalMs: number;
}

/** A body of known length. */
export interface HttpBody {
  readonly contentType: string;
  readonly contentLength: number;
  /** The bytes, once. */
  readonly chunks: () => AsyncGenerator<Buffer>;
}

/** A small body of JSON. */
export const jsonBody = (value: unknown): HttpBody => {
  const bytes = Buffer.from(JSON.stringify(value));
  return {
    contentType: 'application/json',
    contentLength: bytes.length,
    chunks: async function* () {
      yield bytes;
    },
  };
};

export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /**
   * Below the base address; ids in it must be encoded with `encodeURIComponent`. An absolute address is for one that the
   * provider itself has given, on the same host, and is called without the key;
   * what its query holds is as secret as the key.
   */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpBody;
  /** The call names a file, so that a 404 in the provider's own words means that the file is not there. */
  readonly namesFile?: boolean;
  /** The call makes no file, whatever becomes of it: a step of an upload that another call ends. Its failures leave nothing in doubt. */
  readonly makesNoFile?: boolean;
  /** Called with the bytes of the body handed to the network so far. */
  readonly onSent?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An answer that is not the expected one, for the adapter to name. */
export interface Refusal {
  readonly status: number;
  /** The parsed body when it is JSON, else null. */
  readonly json: unknown;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** What a refusal means. `message` is the provider's own words, cleaned by the caller's side before they are shown. */
export interface Verdict {
  readonly code:
    | 'provider_rejected'
    | 'provider_unauthorized'
    | 'provider_quota_exceeded'
    | 'provider_unavailable'
    | 'not_found';
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
  /** Default: that of the code. */
  readonly retry?: Retry | undefined;
}

export interface HttpCallerOptions {
  /** The provider's name as users know it. */
  readonly name: string;
  readonly baseUrl: string;
  readonly apiKey: string;
  /** The headers that carry the key; default `Authorization: Bearer`. */
  readonly credentials?: (apiKey: string) => Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeouts: Timeouts;
  readonly watch?: WatchCall | undefined;
  /** The provider's table of errors. Also asked about a 2xx answer, for providers that report errors in those; null: no error. */
  readonly judge: (refusal: Refusal) => Verdict | null;
}

/** A good answer. */
export interface Answer {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly json: unknown;
}

export interface HttpCaller {
  /**
   * Sends one request and reads a JSON answer of the given shape. Rejects with a `GatewayError`, with the
   * signal's reason, or with what the body's source failed with.
   */
  json<T>(call: HttpCall, shape: z.ZodType<T>): Promise<T>;
  /** As `json`, with the headers of the answer. An answer without a body has `json` null. */
  answer(call: HttpCall): Promise<Answer>;
  /** Sends one request and hands the answer's body on as it comes. */
  stream(call: HttpCall): Promise<{ mediaType: string; body: AsyncIterable<Buffer> }>;
  /** The provider's words, fit to be shown: short, on one line, without the key. */
  quote(words: string): string;
}

/** More than any list of 1,000 files needs, and a bound on what a broken or hostile answer can cost. */
const MAX_ANSWER_BYTES = 8 * 2 ** 20;
const MAX_QUOTED_CHARACTERS = 300;

/**
 * The one way to a provider. One request per call, no retry, no redirect. Bodies go out through
 * `undici.request`: global `fetch` keeps every sent chunk in memory until the end.
 */
export const createHttpCaller = (options: HttpCallerOptions): HttpCaller => {
  const { name, apiKey, timeouts, judge } = options;
  const { credentials = bearer } = options;
  const base = options.baseUrl.replace(/\/+$/u, '');
  const dispatcher = new Agent({
    connect: { timeout: timeouts.connectMs },
    headersTimeout: timeouts.idleMs,
    bodyTimeout: timeouts.idleMs,
  });

  const quote = (words: string): string =>
    words
      .replaceAll(apiKey, '[key]')
      .replace(/[\p{C}\s]+/gu, ' ')
      .trim()
      .slice(0, MAX_QUOTED_CHARACTERS);

  const unavailable = (what: string, cause: unknown, sent: Sent): GatewayError =>
    new GatewayError('provider_unavailable', `${name} ${what}.`, { cause, outcome: outcomeOf(sent) });

  const misaddressed = (what: string): GatewayError =>
    new GatewayError('provider_unavailable', `${name} ${what}; check its base address.`, { retry: 'never' });

  const failure = (
    { code, message, retryAfterMs, retry }: Verdict,
    { path }: HttpCall,
    outcome: RemoteOutcome,
  ): GatewayError => {
    const words = quote(withoutSecrets(message, path)) || 'nothing that explains it';
    return new GatewayError(code, `${name} answered: ${words}`, { retryAfterMs, retry, outcome });
  };

  /** Names what went wrong on the way; an abort by the caller stays the caller's. */
  const networkError = (error: unknown, { signal }: HttpCall, sent: Sent): unknown => {
    if (signal?.aborted) return signal.reason;
    if (error instanceof GatewayError) return error;
    const { name: kind } = error instanceof Error ? error : { name: '' };
    if (kind === 'TimeoutError')
      return unavailable(`did not finish within ${timeouts.totalMs} ms`, error, sent);
    if (kind === 'IdleError') return unavailable(`took no bytes for ${timeouts.idleMs} ms`, error, sent);
    return unavailable(
      `could not be reached (${systemCode(error) ?? (kind || 'network error')})`,
      error,
      sent,
    );
  };

  const addressOf = (path: string): URL => {
    if (path.startsWith('/')) return new URL(`${base}${path}`);
    const given = new URL(path);
    // What a provider answers must not make us call somebody else.
    if (given.host === new URL(base).host) return given;
    throw misaddressed('pointed to another host');
  };

  const send = async (call: HttpCall, sent: Sent): Promise<Dispatcher.ResponseData> => {
    const idle = new AbortController();
    const signal = AbortSignal.any([
      idle.signal,
      AbortSignal.timeout(timeouts.totalMs),
      ...(call.signal ? [call.signal] : []),
    ]);
    const watch: Watch = { idle, idleMs: timeouts.idleMs, onSent: call.onSent, sent, fault: null };
    // A stream rather than the bare generator: undici destroys it, and so closes the blob, whenever the request ends early.
    const body =
      call.body && Readable.from(watched(call.body.chunks(), watch), { objectMode: false, highWaterMark: 1 });
    try {
      return await requestWatched(options.watch, call, addressOf(call.path), {
        dispatcher,
        method: call.method,
        signal,
        ...(call.query === undefined ? {} : { query: call.query }),
        body: body ?? null,
        headers: {
          ...(call.path.startsWith('/') ? credentials(apiKey) : {}),
          accept: 'application/json',
          'user-agent': 'waybill',
          ...options.headers,
          ...call.headers,
          ...(call.body === undefined
            ? {}
            : { 'content-type': call.body.contentType, 'content-length': String(call.body.contentLength) }),
        },
      });
    } catch (error) {
      throw watch.fault ?? networkError(error, call, sent);
    }
  };

  const refuse = async (response: Dispatcher.ResponseData, call: HttpCall, sent: Sent): Promise<never> => {
    const { signal, namesFile = false } = call;
    // Providers hang up after refusing a body half way; the status says enough without the text.
    const text = await readText(decoded(response)).catch(() => '');
    if (signal?.aborted) throw signal.reason;
    const { statusCode: status } = response;
    if (status >= 300 && status < 400) throw misaddressed('redirected the request');
    const verdict =
      judge({ status, json: parsed(text), headers: response.headers }) ?? fallbackVerdict(status);
    if (verdict === null || (verdict.code === 'not_found' && !namesFile)) {
      throw misaddressed('does not know the address that was called');
    }
    const retryAfterMs = parseRetryAfter(response.headers) ?? verdict.retryAfterMs;
    const retry = isRepeatable(status, verdict) ? 'once' : verdict.retry;
    // A server may fail after it has stored what it was sent; anything below says that it did not take it.
    throw failure(
      { ...verdict, retry, retryAfterMs },
      call,
      status === 408 || status >= 500 ? outcomeOf(sent) : 'not_done',
    );
  };

  const good = async (call: HttpCall): Promise<{ answer: Answer; sent: Sent }> => {
    const sent: Sent = { isWhole: false, makesNoFile: call.makesNoFile ?? false };
    const response = await send(call, sent);
    if (response.statusCode < 200 || response.statusCode > 299) return refuse(response, call, sent);
    const text = await readText(decoded(response)).catch((error) => {
      throw networkError(error, call, sent);
    });
    const json = parsed(text);
    const verdict = judge({ status: response.statusCode, json, headers: response.headers });
    if (verdict !== null) throw failure(verdict, call, 'not_done');
    return { answer: { headers: response.headers, json }, sent };
  };

  return {
    quote,
    answer: async (call) => (await good(call)).answer,
    json: async (call, shape) => {
      const { answer, sent } = await good(call);
      const result = shape.safeParse(answer.json);
      if (!result.success) throw unavailable('gave an answer that is not understood', result.error, sent);
      return result.data;
    },
    stream: async (call) => {
      const sent: Sent = { isWhole: false, makesNoFile: true };
      const response = await send(call, sent);
      if (response.statusCode < 200 || response.statusCode > 299) return refuse(response, call, sent);
      const { 'content-type': mediaType } = response.headers;
      const named = (error: unknown): unknown => networkError(error, call, sent);
      return {
        mediaType: String(mediaType ?? 'application/octet-stream'),
        body: namingFaults(decoded(response), named),
      };
    },
  };
};

/** Words that repeat an address the provider gave, without the values in its query. */
const withoutSecrets = (words: string, path: string): string =>
  path.startsWith('/')
    ? words
    : [...new URL(path).searchParams.values()]
        .filter((value) => value.length >= SHORTEST_SECRET)
        .reduce((left, value) => left.replaceAll(value, '[secret]'), words);

const SHORTEST_SECRET = 16;

const bearer = (apiKey: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${apiKey}` });

class IdleError extends Error {
  override readonly name = 'IdleError';
}

/** Whether the whole body has been handed to the network: from then on a failure leaves open what the provider did. */
interface Sent {
  isWhole: boolean;
  readonly makesNoFile: boolean;
}

const outcomeOf = ({ isWhole, makesNoFile }: Sent): RemoteOutcome =>
  isWhole && !makesNoFile ? 'unknown' : 'not_done';

interface Watch {
  readonly sent: Sent;
  readonly idle: AbortController;
  readonly idleMs: number;
  readonly onSent: ((bytes: number) => void) | undefined;
  /** Why the body's source failed; that is no fault of the provider's and is passed on as it is. */
  fault: unknown;
}

/**
 * Counts what is handed to the network, and gives up when nothing is taken for `idleMs`: undici times only what
 * it receives. While the source has nothing to give, nothing is timed; that is no fault of the provider's.
 */
async function* watched(chunks: AsyncGenerator<Buffer>, watch: Watch): AsyncGenerator<Buffer> {
  const { idle, idleMs, onSent } = watch;
  let timer: NodeJS.Timeout | undefined;
  try {
    let sentBytes = 0;
    while (true) {
      // Not `for await`: what ends this generator from outside must not pass for a fault of the source.
      const { done, value: chunk } = await chunks.next().catch((error: unknown) => {
        watch.fault = error;
        throw error;
      });
      if (done) {
        watch.sent.isWhole = true;
        return;
      }
      timer = setTimeout(() => idle.abort(new IdleError('No bytes were taken.')), idleMs);
      yield chunk;
      clearTimeout(timer);
      sentBytes += chunk.length;
      onSent?.(sentBytes);
    }
  } finally {
    clearTimeout(timer);
    await chunks.return(undefined);
  }
}

async function* namingFaults(
  body: AsyncIterable<Buffer>,
  named: (error: unknown) => unknown,
): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body) yield chunk;
  } catch (error) {
    throw named(error);
  }
}

/** Some gateways compress without being asked to. */
const decoded = ({ headers, body }: Dispatcher.ResponseData): Readable => {
  const decoder = DECODERS.get(String(headers['content-encoding']).toLowerCase())?.();
  // A fault on either side destroys both, and the reader of the decoder gets it.
  return decoder === undefined ? body : pipeline(body, decoder, () => undefined);
};

const DECODERS = new Map([
  ['gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

const readText = async (body: AsyncIterable<Buffer>): Promise<string> => {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_ANSWER_BYTES) throw new Error('The answer is too long.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

/** Statuses that a repetition settles, or nothing does. */
const isRepeatable = (status: number, { code, retry }: Verdict): boolean =>
  (status === 408 || status === 409) && code === 'provider_unavailable' && retry !== 'never';

/** Statuses after which the same request may succeed. */
export const isTransient = (status: number): boolean =>
  status === 408 || status === 409 || status === 425 || status === 429 || status >= 500;

/**
 * For answers that do not come from the provider's API at all, such as a proxy's error page. Null: the address is
 * wrong. That is no proof that a file is not there, or a mistake in the address would pass for a removal.
 */
const fallbackVerdict = (status: number): Verdict | null => {
  const message = `HTTP ${status}`;
  if (status === 401 || status === 403) return { code: 'provider_unauthorized', message };
  if (status === 404) return null;
  if (isTransient(status)) return { code: 'provider_unavailable', message };
  return { code: 'provider_rejected', message };
};
