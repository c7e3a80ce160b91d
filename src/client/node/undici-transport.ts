import { Readable } from 'node:stream';
import { Agent, request } from 'undici';
import { systemCode } from '../../core/errors.ts';
import { type Body, STALLED_MS, type Transport, TransportError, type TransportRequest } from '../platform.ts';

const CONNECT_MS = 10_000;
/** Above the longest wait for deliveries or removals that can be asked of the gateway, 100 s. */
const ANSWER_MS = 130_000;
const IDLE_MS = 60_000;
/** Often enough to show progress, and to be sure that even a slow connection takes one in the time that it has. */
const CHUNK_BYTES = 64 * 1_024;

/**
 * Over `undici.request`, which sends a body as it is read: `fetch` keeps what it has sent until the end, so that memory
 * would grow with the file.
 */
export const createUndiciTransport = (): Transport => {
  const dispatcher = new Agent({
    connect: { timeout: CONNECT_MS },
    headersTimeout: ANSWER_MS,
    bodyTimeout: IDLE_MS,
  });
  return {
    send: async (sending) => {
      const stalled = new AbortController();
      const body = bodyOf(sending, stalled);
      try {
        const answer = await request(sending.url, {
          dispatcher,
          method: sending.method,
          body,
          signal:
            sending.signal === undefined ? stalled.signal : AbortSignal.any([sending.signal, stalled.signal]),
          headers: { 'user-agent': 'waybill', ...sending.headers, ...lengthOf(sending) },
        });
        return {
          status: answer.statusCode,
          header: (name) => answer.headers[name]?.toString() ?? null,
          body: received(answer.body),
        };
      } catch (error) {
        throw toTransportError(error);
      } finally {
        if (body instanceof Readable) body.destroy();
      }
    },
    close: () => dispatcher.destroy(),
  };
};

const lengthOf = ({ body, bodyBytes }: TransportRequest): Record<string, string> =>
  body === null || bodyBytes === null ? {} : { 'content-length': `${bodyBytes}` };

/** A stream rather than the bare generator: it is destroyed, and so the source closed, when the request ends early. */
const bodyOf = ({ body, onSent }: TransportRequest, stalled: AbortController): Readable | string | null => {
  if (body === null || typeof body === 'string') return body;
  const sent = paced(chunksOf(body), { onSent, stalled });
  return Readable.from(sent, { objectMode: false, highWaterMark: 1 });
};

const chunksOf = (body: Exclude<Body, string>): AsyncIterable<Uint8Array> => {
  if (typeof body === 'function') return body();
  return body instanceof Blob ? body.stream() : Readable.from([body]);
};

/** The bytes in handy chunks, counted once the network has taken them. */
async function* paced(
  chunks: AsyncIterable<Uint8Array>,
  { onSent, stalled }: Pick<TransportRequest, 'onSent'> & { stalled: AbortController },
): AsyncGenerator<Uint8Array> {
  let sentBytes = 0;
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.length; start += CHUNK_BYTES) {
      const part = chunk.subarray(start, start + CHUNK_BYTES);
      const timer = setTimeout(() => stalled.abort(new TransportError('stalled', true, null)), STALLED_MS);
      try {
        yield part;
      } finally {
        clearTimeout(timer);
      }
      sentBytes += part.length;
      onSent?.(sentBytes);
    }
  }
}

async function* received(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw toTransportError(error);
  }
}

/** Failures before a connection stands: nothing of the request has left. */
const NOT_CONNECTED =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT)$/u;

const toTransportError = (error: unknown): TransportError => {
  if (error instanceof TransportError) return error;
  const code = systemCode(error) ?? 'network error';
  return new TransportError(code, !NOT_CONNECTED.test(code), error);
};
