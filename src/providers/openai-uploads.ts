/**
 * OpenAI Uploads API: https://platform.openai.com/docs/api-reference/uploads
 * An Upload is opened, gets its parts in any order, and becomes a file when `complete` names them in theirs. It lives
 * for an hour. Neither it nor its parts can be asked for, so the ids are kept; a part whose answer was lost is sent
 * again, and the one that nobody names is dropped.
 */
import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import { extensionOf } from '../core/filename.ts';
import type { ProviderUpload } from '../core/provider.ts';
import { remoteIdShape } from './adapter.ts';
import { type HttpCaller, jsonBody } from './http-call.ts';
import { multipartBody, safeMediaType } from './multipart-body.ts';

export interface UploadInPartsOptions<FileAnswer> {
  readonly http: HttpCaller;
  readonly partBytes: number;
  /** Of the file inside a completed Upload. */
  readonly fileShape: z.ZodType<FileAnswer>;
}

const openedShape = z.object({
  id: remoteIdShape,
  created_at: z.number().nullish(),
  expires_at: z.number().nullish(),
});
const partShape = z.object({ id: remoteIdShape });

/** What is kept from one attempt to the next. */
const uploadShape = z.object({
  uploadId: remoteIdShape,
  sizeBytes: z.number(),
  partBytes: z.number().positive(),
  /** Unix milliseconds by our own clock. */
  expiresAtMs: z.number(),
  /** In the order of the bytes; null where none was sent yet. */
  partIds: z.array(remoteIdShape.nullable()),
});
type Upload = z.output<typeof uploadShape>;

const PARTS_AT_ONCE = 3;
/** What OpenAI documents, for an answer that does not say. */
const LIFETIME_MS = 3_600_000;

/**
 * Sends a file in parts, going on where the session says that an earlier attempt got to, and answers the file. When
 * OpenAI refuses for good, the Upload is given up; one that it no longer takes parts for is forgotten, so that the next
 * attempt starts anew. Rejects as `Provider.upload` does.
 */
export const uploadInParts = async <FileAnswer>(
  request: ProviderUpload,
  { http, partBytes, fileShape }: UploadInPartsOptions<FileAnswer>,
): Promise<FileAnswer> => {
  const resumed = unfinished(request);
  const upload = resumed ?? (await openUpload(request, { http, partBytes }));
  const task: Task = { request, http, upload, isResumed: resumed !== null };
  try {
    await sendParts(task);
    const { file } = await http.json(
      { ...step(task, 'complete'), body: jsonBody({ part_ids: upload.partIds }) },
      z.object({ file: fileShape }),
    );
    await forget(task);
    return file;
  } catch (error) {
    throw await afterFailure(error, task);
  }
};

interface Task {
  readonly request: ProviderUpload;
  readonly http: HttpCaller;
  readonly upload: Upload;
  readonly isResumed: boolean;
}

/** The Upload of an earlier attempt, if it can be gone on with. */
const unfinished = ({ session, sizeBytes }: ProviderUpload): Upload | null => {
  const { success, data } = uploadShape.safeParse(session?.state);
  if (!success || data.sizeBytes !== sizeBytes || data.expiresAtMs <= Date.now()) return null;
  return data.partIds.length === Math.ceil(sizeBytes / data.partBytes) ? data : null;
};

const openUpload = async (
  { filename, purpose, mediaType, sizeBytes, session, signal }: ProviderUpload,
  { http, partBytes }: { http: HttpCaller; partBytes: number },
): Promise<Upload> => {
  const beganAtMs = Date.now();
  const body = jsonBody({
    filename: plainName(filename),
    purpose,
    bytes: sizeBytes,
    mime_type: MEDIA_TYPES.get(extensionOf(filename)) ?? safeMediaType(mediaType),
  });
  const call = { method: 'POST', path: '/uploads', makesNoFile: true, body, signal } as const;
  const { id, created_at, expires_at } = await http.json(call, openedShape);
  // Only the difference is taken from OpenAI's clock, which need not agree with ours.
  const lifetimeMs = created_at && expires_at ? (expires_at - created_at) * 1_000 : LIFETIME_MS;
  const upload: Upload = {
    uploadId: id,
    sizeBytes,
    partBytes,
    expiresAtMs: beganAtMs + lifetimeMs,
    partIds: Array.from({ length: Math.ceil(sizeBytes / partBytes) }, () => null),
  };
  await session?.save(upload);
  return upload;
};

/** Types that have to fit the purpose (API reference of Uploads), by the extensions that the capabilities name. */
const MEDIA_TYPES = new Map([
  ['jsonl', 'text/jsonl'],
  ['png', 'image/png'],
  ['jpg', 'image/jpeg'],
  ['jpeg', 'image/jpeg'],
  ['gif', 'image/gif'],
  ['webp', 'image/webp'],
]);

/** As the form of the Files API would have it: no control characters, no half of a character. */
const plainName = (filename: string): string => filename.toWellFormed().replace(/\p{Cc}/gu, '_');

/** Sends what is missing, a few parts at a time. The first failure ends the others. */
const sendParts = async (task: Task): Promise<void> => {
  const { request, upload } = task;
  const missing = upload.partIds.flatMap((id, index) => (id === null ? [index] : []));
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(request.signal ? [request.signal] : [])]);
  const save = inTurn(async () => request.session?.save(upload));
  const progress = createProgress(task);
  const work = async (): Promise<void> => {
    for (let index = missing.shift(); index !== undefined; index = missing.shift()) {
      signal.throwIfAborted();
      upload.partIds[index] = await sendPart(task, { index, onSent: progress(index), signal });
      await save();
    }
  };
  const workers = Array.from({ length: PARTS_AT_ONCE }, work);
  await Promise.all(workers.map((worker) => worker.catch((error) => failed.abort(error))));
  failed.signal.throwIfAborted();
};

interface PartOptions {
  readonly index: number;
  readonly onSent: (bytes: number) => void;
  readonly signal: AbortSignal;
}

const sendPart = async (task: Task, { index, onSent, signal }: PartOptions): Promise<string> => {
  const { request, http, upload } = task;
  const { start, end } = rangeOf(upload, index);
  const body = multipartBody(
    {},
    {
      field: 'data',
      filename: 'data',
      mediaType: 'application/octet-stream',
      sizeBytes: end - start,
      open: () => request.open({ start, end }),
    },
  );
  const call = { ...step(task, 'parts'), makesNoFile: true, body, onSent, signal };
  return (await http.json(call, partShape)).id;
};

const rangeOf = ({ partBytes, sizeBytes }: Upload, index: number) => ({
  start: index * partBytes,
  end: Math.min((index + 1) * partBytes, sizeBytes),
});

const step = ({ upload, isResumed, request }: Task, leaf: 'parts' | 'complete' | 'cancel') => ({
  method: 'POST' as const,
  path: `/uploads/${encodeURIComponent(upload.uploadId)}/${leaf}`,
  // An Upload that was there a moment ago cannot be missing: there a 404 speaks of the address.
  namesFile: isResumed,
  signal: request.signal,
});

/** Adds up what the parts report, beginning with those of earlier attempts. */
const createProgress = ({ request, upload }: Task) => {
  const sizes = upload.partIds.map((_, index) => {
    const { start, end } = rangeOf(upload, index);
    return end - start;
  });
  const sent = sizes.map((size, index) => (upload.partIds[index] === null ? 0 : size));
  const report = (): void => request.onProgress?.(sent.reduce((sum, bytes) => sum + bytes, 0));
  if (upload.partIds.some((id) => id !== null)) report();
  return (index: number) => (bytes: number) => {
    sent[index] = Math.min(bytes, sizes[index] ?? 0);
    report();
  };
};

/** Runs an action once per call, never two at once, since what is saved last has to be the latest. */
const inTurn = (action: () => Promise<void>): (() => Promise<void>) => {
  let last = Promise.resolve();
  return () => {
    last = last.then(action);
    return last;
  };
};

/** What the attempt rejects with. Nothing is given up that the next attempt can go on with. */
const afterFailure = async (error: unknown, task: Task): Promise<unknown> => {
  const { request, http, upload, isResumed } = task;
  if (request.signal?.aborted || !isFinal(error)) return error;
  await http.answer(step(task, 'cancel')).catch(() => undefined);
  await forget(task);
  // OpenAI does not document how it refuses an Upload that is over, so that a refusal may be about that or the file.
  const isOver = (isResumed || upload.expiresAtMs <= Date.now()) && MAY_MEAN_OVER.has(error.code);
  if (!isOver) return error;
  const message = 'OpenAI no longer takes this upload, which began earlier; it starts anew.';
  return new GatewayError('provider_unavailable', message, { cause: error });
};

const isFinal = (error: unknown): error is GatewayError =>
  error instanceof GatewayError && error.retry === 'never' && error.outcome === 'not_done';

const MAY_MEAN_OVER = new Set(['not_found', 'provider_rejected', 'provider_unavailable']);

/** A state that stays behind is found out as such when it is used, so that this need not succeed. */
const forget = async ({ request }: Task): Promise<void> => {
  await request.session?.save(null).catch(() => undefined);
};
