import { rm } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import type { Answer } from './answer.ts';
import type { Call, Outcome, UploadStep } from './dialect.ts';
import type { EmulatorLimits } from './emulator.ts';
import type { Operation } from './faults.ts';
import type { FileShelf, StoredFile } from './file-shelf.ts';
import { googleError, storageFull } from './gemini-errors.ts';
import type { Sending, Session } from './gemini-session.ts';
import { lastAnswer, plainText, progressAnswer, uploadAnswer } from './gemini-upload-answers.ts';
import { discardBody } from './read-upload.ts';

/** What the resumable protocol leaves to the service behind it, as it is when a request arrives. */
export interface UploadRules {
  readonly limits: EmulatorLimits;
  readonly granularityBytes: number;
  readonly whenBroken: Sending['whenBroken'];
  readonly lifetimeSeconds: number;
  /** Why every file that is finalized fails to be processed; null where none does. */
  readonly problem: string | null;
  newId(): string;
  /** The File resource. */
  show(file: StoredFile, call: Call): unknown;
}

/** Commands of one request: separated by commas, in any case. */
export const commandsOf = (headers: IncomingHttpHeaders): readonly string[] =>
  String(headers['x-goog-upload-command'] ?? '')
    .toLowerCase()
    .split(',')
    .map((command) => command.trim());

/** Which request of an upload this is. A command that is none is taken for a chunk, and refused as one. */
export const uploadOperation = (headers: IncomingHttpHeaders): Operation => {
  const commands = commandsOf(headers);
  return (['query', 'cancel', 'finalize'] as const).find((command) => commands.includes(command)) ?? 'chunk';
};

/**
 * Carries out the commands of one request at a session. The caller sees to it that no other does at the same time, and
 * forgets a session that is `cancelled` or `final` when it likes. Rejects when the connection breaks.
 */
export const carryOut = async (session: Session, step: UploadStep, rules: UploadRules): Promise<Outcome> => {
  if (step.operation === 'chunk' || step.operation === 'finalize') return send(session, step, rules);
  await discardBody(step.body);
  return step.operation === 'query' ? query(session, step, rules) : cancel(session);
};

/** Why the service takes no such file; at the start for what is announced, at the end for what came. */
export const refuseFile = (
  { id, sizeBytes }: { id: string | null; sizeBytes: number },
  shelf: FileShelf,
  limits: EmulatorLimits,
): Answer | null => {
  if (sizeBytes > limits.maxFileBytes) {
    return googleError(400, { message: `The file is larger than ${limits.maxFileBytes} bytes.` });
  }
  if (id !== null && shelf.find(id) !== null) {
    return googleError(409, { message: `Requested entity already exists: files/${id}` });
  }
  const used = shelf.usage();
  const isFull = used.bytes + sizeBytes > limits.maxTotalBytes || used.files >= limits.maxFiles;
  return isFull ? storageFull(limits.maxTotalBytes) : null;
};

const send = async (session: Session, step: UploadStep, rules: UploadRules): Promise<Outcome> => {
  const commands = commandsOf(step.call.request.headers);
  const uploads = commands.includes('upload');
  const finalizes = commands.includes('finalize');
  // Asked again, the end of an upload is answered again.
  if (session.status === 'final' && !uploads && finalizes) {
    await discardBody(step.body);
    return query(session, step, rules);
  }
  const refusal = uploads || finalizes ? refuseSending(session, step.call, uploads) : UNSUPPORTED;
  if (refusal !== null || !uploads) await discardBody(step.body);
  if (refusal !== null) return about(refusal);

  const refuse = sizeCheck(session, rules.limits, finalizes);
  const { sizeBytes } = session.announced;
  const sending = {
    maxBytes: Math.min(sizeBytes ?? rules.limits.maxFileBytes, rules.limits.maxFileBytes),
    whenBroken: rules.whenBroken,
    refuse,
  };
  const reason = uploads ? await session.append(step.body, sending) : refuse(session.receivedBytes());
  if (reason !== null) return about(uploadAnswer(400, 'active', { text: reason }));
  return finalizes ? finalize(session, step, rules) : about(progressAnswer(session));
};

const UNSUPPORTED = plainText(400, 'Unsupported command sequence.');

const refuseSending = (session: Session, { request }: Call, uploads: boolean): Answer | null => {
  if (session.status !== 'active') {
    return uploadAnswer(400, session.status, { text: `The upload is ${session.status}.` });
  }
  const offset = String(request.headers['x-goog-upload-offset'] ?? 0);
  if (!uploads || Number(offset) === session.receivedBytes()) return null;
  return /^\d+$/.test(offset)
    ? uploadAnswer(409, 'active', { text: `Expected offset ${session.receivedBytes()}, got ${offset}.` })
    : uploadAnswer(400, 'active', { text: 'Invalid X-Goog-Upload-Offset header.' });
};

const sizeCheck = (session: Session, limits: EmulatorLimits, isLast: boolean): Sending['refuse'] => {
  const { announced, granularityBytes } = session;
  const before = session.receivedBytes();
  return (sizeBytes) => {
    if (sizeBytes > limits.maxFileBytes) return `The file is larger than ${limits.maxFileBytes} bytes.`;
    if (sizeBytes > (announced.sizeBytes ?? sizeBytes)) return 'More bytes than announced.';
    if (isLast)
      return sizeBytes === (announced.sizeBytes ?? sizeBytes) ? null : 'Fewer bytes than announced.';
    const isWhole = (sizeBytes - before) % granularityBytes === 0;
    return isWhole ? null : `The chunk is no multiple of the granularity of ${granularityBytes} bytes.`;
  };
};

const finalize = async (session: Session, step: UploadStep, rules: UploadRules): Promise<Outcome> => {
  const { announced, path } = session;
  const sha256 = await session.seal();
  const sizeBytes = session.receivedBytes();
  const refusal = refuseFile({ id: announced.id, sizeBytes }, step.shelf, rules.limits);
  session.status = 'final';
  if (refusal !== null) {
    await rm(path, { force: true });
    return about(lastAnswer(refusal));
  }
  const now = Math.floor(Date.now() / 1_000);
  const stored = await step.shelf.keep(path, {
    id: announced.id ?? rules.newId(),
    filename: announced.displayName,
    bytes: sizeBytes,
    sha256,
    purpose: 'UPLOADED',
    createdAt: now + step.skewSeconds,
    expiresAt: now + rules.lifetimeSeconds,
    mediaType: announced.mimeType,
    problem: rules.problem,
  });
  session.fileId = stored.id;
  return query(session, step, rules);
};

const query = async (
  session: Session,
  { shelf, call }: UploadStep,
  { show }: UploadRules,
): Promise<Outcome> => {
  if (session.status === 'cancelled') return about(uploadAnswer(410, 'cancelled'));
  const stored = shelf.find(session.fileId ?? '');
  if (stored === null) return about(progressAnswer(session));
  return { answer: { ...progressAnswer(session), body: { json: { file: show(stored, call) } } }, stored };
};

const cancel = async (session: Session): Promise<Outcome> => {
  if (session.status === 'final') {
    return about(uploadAnswer(400, 'final', { text: 'The upload is final.' }));
  }
  session.status = 'cancelled';
  await rm(session.path, { force: true });
  return about(uploadAnswer(200, 'cancelled'));
};

const about = (answer: Answer): Outcome => ({ answer, stored: null });
