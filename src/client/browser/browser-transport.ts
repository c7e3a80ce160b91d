import {
  STALLED_MS,
  type Transport,
  type TransportAnswer,
  TransportError,
  type TransportRequest,
} from '../platform.ts';
import { readStream } from '../read-stream.ts';
import { createXhrRequest, type XhrRequest } from './xml-http-request.ts';

/** Above the longest wait for deliveries or removals that can be asked of the gateway, 100 s. */
const ANSWER_MS = 130_000;

/** `fetch`, and for a body that is counted `XMLHttpRequest`, which alone tells how much of it has gone. */
export const createBrowserTransport = (): Transport => {
  const closing = new AbortController();
  return {
    send: (request) => {
      const signals = request.signal === undefined ? [] : [request.signal];
      const signal = AbortSignal.any([closing.signal, ...signals]);
      const isCounted = request.onSent !== undefined && request.body !== null;
      return isCounted ? sendCounted(request, signal) : fetchOnce(request, signal);
    },
    close: async () => closing.abort(new TransportError('closed', true, null)),
  };
};

const fetchOnce = async (
  { method, url, headers, body }: TransportRequest,
  signal: AbortSignal,
): Promise<TransportAnswer> => {
  const toError = (error: unknown): unknown =>
    signal.aborted ? signal.reason : new TransportError('network error', null, error);
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new TransportError('no answer', true, null)), ANSWER_MS);
  try {
    const answer = await fetch(url, {
      method,
      headers,
      body: sendable(body),
      signal: AbortSignal.any([signal, late.signal]),
      redirect: 'manual',
      credentials: 'omit',
      cache: 'no-store',
    });
    return {
      status: answer.status,
      header: (name) => answer.headers.get(name),
      body: received(answer.body, toError),
    };
  } catch (error) {
    throw late.signal.aborted ? late.signal.reason : toError(error);
  } finally {
    clearTimeout(timer);
  }
};

async function* received(
  body: ReadableStream<Uint8Array> | null,
  toError: (error: unknown) => unknown,
): AsyncGenerator<Uint8Array> {
  try {
    if (body !== null) yield* readStream(body);
  } catch (error) {
    throw toError(error);
  }
}

const sendCounted = (
  { method, url, headers, body, onSent }: TransportRequest,
  signal: AbortSignal,
): Promise<TransportAnswer> =>
  new Promise((resolve, reject) => {
    const request = createXhrRequest();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    };
    const fail = (error: unknown): void => {
      end();
      request.abort();
      reject(error);
    };
    const abort = (): void => fail(signal.reason);
    const expectProgress = (ms: number): void => {
      clearTimeout(timer);
      timer = setTimeout(() => fail(new TransportError('stalled', true, null)), ms);
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    request.open(method, url.href);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    const sizeBytes = sizeOf(body);
    request.upload.onprogress = ({ loaded }) => {
      expectProgress(loaded < sizeBytes ? STALLED_MS : ANSWER_MS);
      onSent?.(loaded);
    };
    request.onerror = () => fail(new TransportError('network error', null, null));
    request.onload = () => {
      end();
      resolve(answerOf(request));
    };
    expectProgress(STALLED_MS);
    request.send(sendable(body) ?? '');
  });

const answerOf = (request: XhrRequest): TransportAnswer => ({
  status: request.status,
  header: (name) => request.getResponseHeader(name),
  body: readStream(new Blob([request.responseText]).stream()),
});

type Sendable = Exclude<TransportRequest['body'], () => unknown>;

const sendable = (body: TransportRequest['body']): Sendable => {
  if (typeof body === 'function') throw new TypeError('A browser cannot send a body as it is read.');
  return body;
};

const sizeOf = (body: TransportRequest['body']): number =>
  body instanceof Blob ? body.size : body instanceof Uint8Array ? body.byteLength : 0;
