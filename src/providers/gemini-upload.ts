/**
 * The resumable upload protocol of Google's APIs (`X-Goog-Upload-*`), as https://ai.google.dev/api/files uses it. What
 * Google keeps of a chunk that broke off only a query tells; so what is sent after an interruption starts with one.
 */
import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import type { ByteRange, ProviderUpload } from '../core/provider.ts';
import { type Answer, type HttpBody, type HttpCaller, jsonBody } from './http-call.ts';
import { SizeMismatchError, safeMediaType } from './multipart-body.ts';

/** The size of chunks aimed at, and what the API has been seen to ask multiples of. */
export const CHUNK_BYTES = 8 * 2 ** 20;

/** What the upload is about, and how its end is read. */
export interface ResumableUpload<T> {
  readonly http: HttpCaller;
  /** Where uploads are started, below the base address. */
  readonly path: string;
  /** That of the base address; uploads go nowhere else. */
  readonly host: string;
  /** The JSON that describes the file. */
  readonly description: unknown;
  readonly request: ProviderUpload;
  /** The answer to the end of the upload. */
  readonly shape: z.ZodType<T>;
  /** Looks elsewhere for the file of an upload that is over and whose answer does not show it. */
  readonly find: () => Promise<T | null>;
}

// The address needs no key: whoever has it can write to the upload.
const stateShape = z.object({ url: z.url(), granularityBytes: z.int().positive() });
type State = z.output<typeof stateShape>;

/** How far an upload is. */
type Position =
  | { readonly kind: 'active'; readonly state: State; readonly receivedBytes: number }
  | { readonly kind: 'final'; readonly json: unknown }
  | { readonly kind: 'gone' };

/**
 * Sends the file, from where the session of an earlier attempt stopped if it has one that Google still knows. One
 * attempt: a chunk that fails ends it, and the session says where the next goes on. Rejects as `HttpCaller.json` does.
 */
export const uploadResumably = async <T>(upload: ResumableUpload<T>): Promise<T> => {
  const { session } = upload.request;
  const kept = await resume(upload);
  const found = kept.kind === 'final' ? await outcomeOf(upload, kept.json) : null;
  const file = found ?? (await sendFrom(upload, kept.kind === 'active' ? kept : await start(upload)));
  await session?.save(null);
  return file;
};

const resume = async <T>(upload: ResumableUpload<T>): Promise<Position> => {
  const saved = stateShape.safeParse(upload.request.session?.state);
  return saved.success ? query(upload, saved.data) : { kind: 'gone' };
};

const outcomeOf = async <T>({ shape, find }: ResumableUpload<T>, json: unknown): Promise<T | null> => {
  const answered = shape.safeParse(json);
  return answered.success ? answered.data : find();
};

const start = async <T>({ http, path, host, description, request }: ResumableUpload<T>) => {
  const { sizeBytes, mediaType, session, signal } = request;
  const answer = await http.answer({
    method: 'POST',
    path,
    headers: {
      'x-goog-upload-protocol': 'resumable',
      'x-goog-upload-command': 'start',
      'x-goog-upload-header-content-length': String(sizeBytes),
      'x-goog-upload-header-content-type': safeMediaType(mediaType),
    },
    body: jsonBody(description),
    makesNoFile: true,
    signal,
  });
  const state = stateShape.safeParse({
    url: header(answer, 'url'),
    granularityBytes: Number(header(answer, 'chunk-granularity') ?? CHUNK_BYTES),
  });
  if (!state.success) throw notUnderstood();
  if (new URL(state.data.url).host !== host) {
    throw new GatewayError(
      'provider_unavailable',
      'Gemini pointed to another host for the upload; check its base address.',
      { retry: 'never' },
    );
  }
  await session?.save(state.data);
  return { kind: 'active', state: state.data, receivedBytes: 0 } as const;
};

/** Asks how far the upload is. A final refusal means that there is none to go on with: unknown, expired or cancelled. */
const query = async <T>({ http, request }: ResumableUpload<T>, state: State): Promise<Position> => {
  const { sizeBytes, signal } = request;
  const headers = { 'x-goog-upload-command': 'query' };
  const call = { method: 'POST', path: state.url, headers, makesNoFile: true, signal } as const;
  const answer = await http.answer(call).catch((error: unknown) => {
    if (error instanceof GatewayError && error.retry === 'never') return null;
    throw error;
  });
  if (answer === null) return { kind: 'gone' };
  const status = header(answer, 'status');
  if (status === 'final') return { kind: 'final', json: answer.json };
  if (status === 'cancelled') return { kind: 'gone' };
  const receivedBytes = Number(header(answer, 'size-received') ?? Number.NaN);
  const isUsable = Number.isSafeInteger(receivedBytes) && receivedBytes >= 0 && receivedBytes <= sizeBytes;
  if (status !== 'active' || !isUsable) throw notUnderstood();
  return { kind: 'active', state, receivedBytes };
};

type Active = Extract<Position, { kind: 'active' }>;

const sendFrom = async <T>(upload: ResumableUpload<T>, { state, receivedBytes }: Active): Promise<T> => {
  const { sizeBytes, onProgress } = upload.request;
  const { granularityBytes } = state;
  const chunkBytes = Math.max(1, Math.floor(CHUNK_BYTES / granularityBytes)) * granularityBytes;
  let start = receivedBytes;
  if (start > 0) onProgress?.(start);
  try {
    for (; sizeBytes - start > chunkBytes; start += chunkBytes) {
      await sendChunk(upload, state, { start, end: start + chunkBytes });
    }
    return await sendLast(upload, state, start);
  } catch (error) {
    throw await explained(upload, state, error);
  }
};

const sendChunk = async <T>(upload: ResumableUpload<T>, { url }: State, range: ByteRange): Promise<void> => {
  const answer = await upload.http.answer({ ...sending(upload.request, url, range), makesNoFile: true });
  const received = header(answer, 'size-received') ?? String(range.end);
  // Only part of it was kept, or all is over: either way the next attempt asks.
  if (header(answer, 'status') !== 'active' || Number(received) !== range.end) throw notUnderstood();
};

const sendLast = <T>({ http, request, shape }: ResumableUpload<T>, { url }: State, start: number) => {
  const call = sending(request, url, { start, end: request.sizeBytes });
  const command = start === request.sizeBytes ? 'finalize' : 'upload, finalize';
  return http.json({ ...call, headers: { ...call.headers, 'x-goog-upload-command': command } }, shape);
};

const sending = ({ open, sizeBytes, onProgress, signal }: ProviderUpload, path: string, range: ByteRange) => {
  const isWhole = range.start === 0 && range.end === sizeBytes;
  return {
    method: 'POST',
    path,
    headers: { 'x-goog-upload-command': 'upload', 'x-goog-upload-offset': String(range.start) },
    // All of it is asked for without a range, so that a source that is too long shows.
    body: exactly(() => open(isWhole ? undefined : range), range.end - range.start),
    onSent: onProgress && ((bytes: number) => onProgress(range.start + bytes)),
    signal,
  } as const;
};

/** A body of that many bytes of the source, which must have neither fewer nor more. */
const exactly = (open: () => AsyncIterable<Buffer>, sizeBytes: number): HttpBody => ({
  contentType: 'application/octet-stream',
  contentLength: sizeBytes,
  chunks: async function* () {
    if (sizeBytes === 0) return;
    let readBytes = 0;
    let held: Buffer | null = null;
    for await (const piece of open()) {
      // One piece is held back, since the last byte ends the upload for good.
      if (held !== null) yield held;
      held = piece;
      readBytes += piece.length;
      if (readBytes > sizeBytes) break;
    }
    if (readBytes !== sizeBytes) {
      throw new SizeMismatchError(`The file has ${readBytes} bytes or more, announced were ${sizeBytes}.`);
    }
    if (held !== null) yield held;
  },
});

/** An address that is not known any more is no fault of the file's: the next attempt starts another upload. */
const explained = async <T>(upload: ResumableUpload<T>, state: State, error: unknown): Promise<unknown> => {
  if (!isUnknownAddress(error) || (await query(upload, state)).kind !== 'gone') return error;
  return new GatewayError('provider_unavailable', 'Gemini gave the upload up; it is started anew.', {
    cause: error,
  });
};

const isUnknownAddress = (error: unknown): error is GatewayError =>
  error instanceof GatewayError && error.code === 'provider_unavailable' && error.retry === 'never';

const header = ({ headers }: Answer, name: string): string | undefined => {
  const value = headers[`x-goog-upload-${name}`];
  return typeof value === 'string' ? value : undefined;
};

const notUnderstood = (): GatewayError =>
  new GatewayError('provider_unavailable', 'Gemini gave an answer to an upload that is not understood.');
