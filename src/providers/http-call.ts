import { pipeline, Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { Agent, type Dispatcher, request } from 'undici';
import type { z } from 'zod';
import { GatewayError, systemCode } from '../core/errors.ts';
import type { MultipartBody } from './multipart-body.ts';
import { parseRetryAfter } from './retry-after.ts';

/** How long to wait for a provider; the same for all of them. */
export interface Timeouts {
  /** Until the connection stands. */
  readonly connectMs: number;
  /** Without a byte moving, in either direction. */
  readonly idleMs: number;
  /** For the whole exchange. */
  readonly totalMs: number;
}

interface HttpCall {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Below the base address; ids in it must be encoded with `encodeURIComponent`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: MultipartBody;
  /** The call names a file, so that a 404 in the provider's own words means that the file is not there. */
  readonly namesFile?: boolean;
  /** Called with the bytes of the body handed to the network so far. */
  readonly onSent?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An answer that is not the expected one, for the adapter to name. */
export interface Refusal {
  readonly status: number;
  /** The parsed body when it is JSON, else null. */
  readonly json: unknown;
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
}

export interface HttpCallerOptions {
  /** The provider's name as users know it. */
  readonly name: string;
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeouts: Timeouts;
  /** The provider's table of errors. Also asked about a 2xx answer, for providers that report errors in those; null: no error. */
  readonly judge: (refusal: Refusal) => Verdict | null;
}

export interface HttpCaller {
  /**
   * Sends one request and reads a JSON answer of the given shape. Rejects with a `GatewayError`, with the
   * signal's reason, or with what the body's source failed with.
   */
  json<T>(call: HttpCall, shape: z.ZodType<T>): Promise<T>;
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
  const { name, baseUrl, apiKey, headers, timeouts, judge } = options;
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

  const unavailable = (what: string, cause: unknown): GatewayError =>
    new GatewayError('provider_unavailable', `${name} ${what}.`, { cause });

  const misaddressed = (what: string): GatewayError =>
    new GatewayError('provider_unavailable', `${name} ${what}; check its base address.`, { retry: 'never' });

  const failure = ({ code, message, retryAfterMs }: Verdict): GatewayError =>
    new GatewayError(code, `${name} answered: ${quote(message) || 'nothing that explains it'}`, {
      retryAfterMs,
    });

  /** Names what went wrong on the way; an abort by the caller stays the caller's. */
  const networkError = (error: unknown, signal: AbortSignal | undefined): unknown => {
    if (signal?.aborted) return signal.reason;
    if (error instanceof GatewayError) return error;
    const { name: kind } = error instanceof Error ? error : { name: '' };
    if (kind === 'TimeoutError') return unavailable(`did not finish within ${timeouts.totalMs} ms`, error);
    if (kind === 'IdleError') return unavailable(`took no bytes for ${timeouts.idleMs} ms`, error);
    return unavailable(`could not be reached (${systemCode(error) ?? (kind || 'network error')})`, error);
  };

  const send = async (call: HttpCall): Promise<Dispatcher.ResponseData> => {
    const idle = new AbortController();
    const signal = AbortSignal.any([
      idle.signal,
      AbortSignal.timeout(timeouts.totalMs),
      ...(call.signal ? [call.signal] : []),
    ]);
    const watch: Watch = { idle, idleMs: timeouts.idleMs, onSent: call.onSent, fault: null };
    // A stream rather than the bare generator: undici destroys it, and so closes the blob, whenever the request ends early.
    const body =
      call.body && Readable.from(watched(call.body.chunks(), watch), { objectMode: false, highWaterMark: 1 });
    try {
      return await request(new URL(`${baseUrl.replace(/\/+$/u, '')}${call.path}`), {
        dispatcher,
        method: call.method,
        signal,
        ...(call.query === undefined ? {} : { query: call.query }),
        body: body ?? null,
        headers: {
          authorization: `Bearer ${apiKey}`,
          accept: 'application/json',
          'user-agent': 'waybill',
          ...headers,
          ...(call.body === undefined
            ? {}
            : { 'content-type': call.body.contentType, 'content-length': String(call.body.contentLength) }),
        },
      });
    } catch (error) {
      throw watch.fault ?? networkError(error, call.signal);
    }
  };

  const refuse = async (
    response: Dispatcher.ResponseData,
    { signal, namesFile = false }: HttpCall,
  ): Promise<never> => {
    // Providers hang up after refusing a body half way; the status says enough without the text.
    const text = await readText(decoded(response)).catch(() => '');
    if (signal?.aborted) throw signal.reason;
    const { statusCode: status } = response;
    if (status >= 300 && status < 400) throw misaddressed('redirected the request');
    const verdict = judge({ status, json: parsed(text) }) ?? fallbackVerdict(status);
    if (verdict === null || (verdict.code === 'not_found' && !namesFile)) {
      throw misaddressed('does not know the address that was called');
    }
    throw failure({ ...verdict, retryAfterMs: parseRetryAfter(response.headers) ?? verdict.retryAfterMs });
  };

  return {
    quote,
    json: async (call, shape) => {
      const response = await send(call);
      if (response.statusCode < 200 || response.statusCode > 299) return refuse(response, call);
      const text = await readText(decoded(response)).catch((error) => {
        throw networkError(error, call.signal);
      });
      const json = parsed(text);
      const verdict = judge({ status: response.statusCode, json });
      if (verdict !== null) throw failure(verdict);
      const result = shape.safeParse(json);
      if (!result.success) throw unavailable('gave an answer that is not understood', result.error);
      return result.data;
    },
    stream: async (call) => {
      const response = await send(call);
      if (response.statusCode < 200 || response.statusCode > 299) return refuse(response, call);
      const { 'content-type': mediaType } = response.headers;
      const named = (error: unknown): unknown => networkError(error, call.signal);
      return {
        mediaType: String(mediaType ?? 'application/octet-stream'),
        body: namingFaults(decoded(response), named),
      };
    },
  };
};

class IdleError extends Error {
  override readonly name = 'IdleError';
}

interface Watch {
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
      if (done) return;
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
