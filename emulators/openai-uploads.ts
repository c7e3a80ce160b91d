import { rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { type Answer, jsonAnswer } from './answer.ts';
import type { Outcome, Route, UploadStep } from './dialect.ts';
import type { FileShelf, StoredFile } from './file-shelf.ts';
import { completeUpload } from './openai-complete.ts';
import { type OpenAiReason, openAiError, withHeaders } from './openai-errors.ts';
import { newUploadId } from './openai-file.ts';
import { type NewUploadRules, readNewUpload } from './openai-new-upload.ts';
import { endUpload, expiresAtMs, isOverdue, type Part, receivedBytes, type Upload } from './openai-upload.ts';
import { readText } from './read-text.ts';
import { discardBody, readUpload } from './read-upload.ts';

/** OpenAI's Uploads, of which only the files outlive a restart. */
export interface OpenAiUploads {
  step(step: UploadStep): Promise<Outcome>;
  /** Oldest first. */
  all(): readonly unknown[];
}

/** What holds when a request arrives. */
export interface UploadRules {
  readonly opening: NewUploadRules;
  readonly maxPartBytes: number;
  readonly takesEmptyParts: boolean;
  /** Status of a refusal for size. */
  readonly tooLargeStatus: number;
  /** Of open Uploads too. */
  readonly lifetimeMs: number;
  /** Why the files made now fail to be processed; null where they do not. */
  readonly problem: string | null;
  /** Why the shelf takes no file of that size; null when it does. */
  refuse(sizeBytes: number, shelf: FileShelf): OpenAiReason | null;
  /** The File object inside a completed Upload. */
  show(file: StoredFile): unknown;
}

const UPLOADS_PATH = '/v1/uploads';
const STEP_PATH = /^\/v1\/uploads\/(?<id>[^/]+)\/(?<leaf>parts|complete|cancel)$/;
const STEPS = { parts: 'chunk', complete: 'finalize', cancel: 'cancel' } as const;
const MAX_JSON_BYTES = 1_048_576;
// Bounds memory in a long run; uploads that go on are kept beyond it.
const MAX_UPLOADS = 1_000;

/** Which request of an Upload this is. There is none that reads an Upload or its parts. */
export const uploadRoute = ({ method }: IncomingMessage, { pathname }: URL): Route | null => {
  if (method !== 'POST') return null;
  if (pathname === UPLOADS_PATH) return { operation: 'start', id: null };
  const leaf = STEP_PATH.exec(pathname)?.groups?.leaf;
  return isLeaf(leaf) ? { operation: STEPS[leaf], id: null } : null;
};

/** The id of the Upload a path is about. */
export const uploadIdIn = ({ pathname }: URL): string | null => STEP_PATH.exec(pathname)?.groups?.id ?? null;

export const noSuchUpload = (id: string): Answer =>
  openAiError({ status: 404, message: `No such Upload object: ${id}`, param: 'upload_id' });

/** `rules` are asked for at every request. */
export const createUploads = (rules: () => UploadRules): OpenAiUploads => {
  const uploads = new Map<string, Upload>();
  return {
    step: async (step) => {
      await expireOverdue(uploads, rules().lifetimeMs);
      if (step.operation === 'start') return open(step, rules(), uploads);
      const id = uploadIdIn(step.call.url) ?? '';
      const upload = uploads.get(id);
      if (upload === undefined) {
        await discardBody(step.body);
        return about(noSuchUpload(id));
      }
      if (step.operation === 'chunk') return addPart(upload, step, rules);
      return step.operation === 'finalize' ? complete(upload, step, rules) : cancel(upload, step, rules());
    },
    all: () => [...uploads.values()].map((upload) => view(upload, rules().lifetimeMs)),
  };
};

const isLeaf = (leaf: string | undefined): leaf is keyof typeof STEPS =>
  leaf !== undefined && Object.hasOwn(STEPS, leaf);

const expireOverdue = async (uploads: ReadonlyMap<string, Upload>, lifetimeMs: number): Promise<void> => {
  // Found before the first wait: one that is opened meanwhile may be under another rule.
  const overdue = [...uploads.values()].filter((upload) => isOverdue(upload, lifetimeMs));
  for (const upload of overdue) await endUpload(upload, 'expired');
};

const open = async (
  { body }: UploadStep,
  rules: UploadRules,
  uploads: Map<string, Upload>,
): Promise<Outcome> => {
  const announced = readNewUpload(readJson(await readText(body, MAX_JSON_BYTES)), rules.opening);
  if ('status' in announced) return about(openAiError(announced));
  const upload: Upload = {
    id: newUploadId('upload'),
    announced,
    createdAtMs: Date.now(),
    parts: new Map(),
    status: 'pending',
    fileId: null,
  };
  forgetEnded(uploads);
  uploads.set(upload.id, upload);
  return about(ok(uploadObject(upload, rules)));
};

const forgetEnded = (uploads: Map<string, Upload>): void => {
  if (uploads.size < MAX_UPLOADS) return;
  const ended = [...uploads.values()].find(({ status }) => status !== 'pending' && status !== 'completing');
  if (ended !== undefined) uploads.delete(ended.id);
};

const addPart = async (upload: Upload, step: UploadStep, rules: () => UploadRules): Promise<Outcome> => {
  const early = refusedEnd(upload, rules());
  if (early !== null) {
    await discardBody(step.body);
    return about(openAiError(early));
  }
  const path = step.shelf.incomingPath();
  const { maxPartBytes } = rules();
  const received = await readUpload(step.body, { path, capBytes: maxPartBytes, field: 'data' });
  if (received.kind === 'unreadable') return about(openAiError({ status: 400, message: received.reason }));
  // Asked again, since the Upload may have ended while the part came in.
  const refusal = refusedEnd(upload, rules()) ?? refusedPart(upload, received.file, rules());
  if (refusal !== null || received.file === null) {
    await rm(path, { force: true });
    return about(openAiError(refusal ?? NO_DATA));
  }
  const { bytes, sha256 } = received.file;
  const part: Part = { id: newUploadId('part'), bytes, sha256, path, createdAt: seconds(Date.now()) };
  upload.parts.set(part.id, part);
  return about(ok({ id: part.id, object: 'upload.part', created_at: part.createdAt, upload_id: upload.id }));
};

const NO_DATA: OpenAiReason = { status: 400, message: "'data' is a required property", param: 'data' };

const refusedPart = (
  upload: Upload,
  file: { bytes: number } | null,
  { maxPartBytes, takesEmptyParts, tooLargeStatus, opening }: UploadRules,
): OpenAiReason | null => {
  if (file === null) return NO_DATA;
  if (file.bytes === 0 && !takesEmptyParts)
    return { status: 400, message: 'The Part is empty.', param: 'data' };
  if (file.bytes > maxPartBytes) {
    const message = `A Part can be at most ${maxPartBytes} bytes, but this one has ${file.bytes}.`;
    return { status: tooLargeStatus, message, param: 'data' };
  }
  if (receivedBytes(upload) + file.bytes <= opening.maxUploadBytes) return null;
  return { status: 400, message: `An Upload can be at most ${opening.maxUploadBytes} bytes.`, param: 'data' };
};

const refusedEnd = (upload: Upload, { lifetimeMs }: UploadRules): OpenAiReason | null => {
  if (upload.status === 'completing')
    return { status: 409, message: `Upload ${upload.id} is being completed.` };
  const status = isOverdue(upload, lifetimeMs) ? 'expired' : upload.status;
  return status === 'pending' ? null : { status: 400, message: `Upload ${upload.id} is already ${status}.` };
};

const complete = async (upload: Upload, step: UploadStep, rules: () => UploadRules): Promise<Outcome> => {
  const input = readJson(await readText(step.body, MAX_JSON_BYTES));
  const refusal = refusedEnd(upload, rules());
  if (refusal !== null) return about(openAiError(refusal));
  const stored = await completeUpload(upload, {
    input,
    shelf: step.shelf,
    refuse: (sizeBytes) => rules().refuse(sizeBytes, step.shelf),
    skewSeconds: step.skewSeconds,
    problem: rules().problem,
  });
  if ('status' in stored) return about(openAiError(stored));
  return { answer: ok({ ...uploadObject(upload, rules()), file: rules().show(stored) }), stored };
};

const cancel = async (upload: Upload, { body }: UploadStep, rules: UploadRules): Promise<Outcome> => {
  await discardBody(body);
  const refusal = refusedEnd(upload, rules);
  if (refusal !== null) return about(openAiError(refusal));
  await endUpload(upload, 'cancelled');
  return about(ok(uploadObject(upload, rules)));
};

const uploadObject = (upload: Upload, { lifetimeMs }: UploadRules) => ({
  id: upload.id,
  object: 'upload',
  bytes: upload.announced.bytes,
  created_at: seconds(upload.createdAtMs),
  filename: upload.announced.filename,
  purpose: upload.announced.purpose,
  status: upload.status,
  expires_at: seconds(expiresAtMs(upload, lifetimeMs)),
});

const view = (upload: Upload, lifetimeMs: number): unknown => ({
  id: upload.id,
  ...upload.announced,
  status: isOverdue(upload, lifetimeMs) ? 'expired' : upload.status,
  receivedBytes: receivedBytes(upload),
  parts: [...upload.parts.values()].map(({ path: _, ...part }) => part),
  fileId: upload.fileId,
  createdAt: seconds(upload.createdAtMs),
  expiresAt: seconds(expiresAtMs(upload, lifetimeMs)),
});

const seconds = (ms: number): number => Math.floor(ms / 1_000);

const readJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

const ok = (json: unknown): Answer => withHeaders(jsonAnswer(200, json));

const about = (answer: Answer): Outcome => ({ answer, stored: null });
