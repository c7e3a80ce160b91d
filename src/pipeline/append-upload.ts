import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { FileWithDeliveries } from '../core/file.ts';
import type { TrackedUpload } from '../core/upload.ts';
import { lockUpload } from '../tracking/upload-writers.ts';
import { deleteUpload, setUploadLength } from '../tracking/uploads.ts';
import type { Dependencies } from './dependencies.ts';
import type { OpenUploads } from './open-uploads.ts';
import { readUntilTold } from './read-until-told.ts';
import { type Reception, refuseBeforehand } from './reception.ts';
import { overtaken } from './turns.ts';
import { type Hold, noUpload } from './upload-holds.ts';

/** A piece of an upload. */
export interface Append {
  /** Where the client believes the upload to be. */
  readonly offsetBytes: number;
  /** The whole length, if the client tells it now. */
  readonly lengthBytes: number | null;
  readonly body: AsyncIterable<Buffer>;
  /** The piece counts only if its body comes to its end without an error, as one that is verified does. */
  readonly isAllOrNothing: boolean;
}

/** What an upload is: still coming in, or a file. */
export type UploadState =
  | { readonly file: FileWithDeliveries }
  | { readonly upload: TrackedUpload; readonly offsetBytes: number };

/**
 * Appends to an upload that the caller has to itself, until `told`. What arrived before a failure stays, unless it was all or
 * nothing. Rejects with `offset_conflict`, with `file_too_large` when the body goes on beyond the length, with whatever
 * the body rejects with, and with what is found wrong with the whole file; that ends the upload.
 */
export const appendUpload = async (
  dependencies: Dependencies,
  open: OpenUploads,
  { hold, append, told }: { hold: Hold; append: Append; told: AbortSignal },
): Promise<UploadState> => {
  const { upload: before } = hold;
  // Nothing is fetched for a piece that does not fit.
  if (before.takenFrom !== null && append.offsetBytes !== (before.savedBytes ?? 0))
    throw offsetConflict(before.savedBytes ?? 0, append.offsetBytes);
  const reception = await open.open(before);
  try {
    const { receivedBytes } = reception;
    if (append.offsetBytes !== receivedBytes) throw offsetConflict(receivedBytes, append.offsetBytes);
    const agreed = { upload: before, receivedBytes };
    const lengthBytes = await agreeOnLength(dependencies, agreed, append.lengthBytes);
    const upload = { ...before, lengthBytes };
    const piece = { ...append, body: readUntilTold(append.body, told), lengthBytes };
    const isCut = await takePiece(reception, piece).catch(async (error: unknown) => {
      await settle(dependencies, open, { hold, upload, reception, isProved: !append.isAllOrNothing }, error);
      throw error;
    });
    const file = await completeIfWhole(dependencies, open, { upload, reception });
    if (isCut) throw tooLong(lengthBytes, file?.file.id);
    if (file !== null) return { file };
    const expiresAt = await confirm(dependencies, { hold, reception }, { hasCome: true });
    return { upload: { ...upload, expiresAt }, offsetBytes: reception.receivedBytes };
  } finally {
    open.rest(before.id);
  }
};

/**
 * Makes a file of an upload that has all its bytes, durable then; null when it has not. What is wrong with the file ends
 * the upload; what is wrong with us leaves it to be tried again.
 */
export const completeIfWhole = async (
  dependencies: Dependencies,
  open: OpenUploads,
  { upload, reception }: { upload: TrackedUpload; reception: Reception },
): Promise<FileWithDeliveries | null> => {
  if (reception.receivedBytes !== upload.lengthBytes) return null;
  const { database } = dependencies;
  open.forget(upload.id);
  return await reception.commit({
    options: upload.options,
    // Only who has taken it off the record may remove its bytes.
    keepsAfter: async (error) =>
      isOurFault(error) || !(await deleteUpload(database, upload).catch(() => false)),
    // Before anything is charged for a file that another instance may have made of it.
    beforehand: async (trx) => {
      if (!(await lockUpload(trx, upload))) throw overtaken();
    },
    alongside: async (trx) => {
      if (!(await deleteUpload(trx, upload))) throw noUpload(upload.id);
    },
  });
};

/** Has the record say how far an upload has come before its client is told so. Answers until when it is kept. */
export const confirm = async (
  { blobs, background }: Dependencies,
  { hold, reception }: { hold: Hold; reception: Reception },
  news: { readonly hasCome: boolean },
): Promise<Date> => {
  const { receivedBytes, blobKey } = reception;
  const keptUntil = await hold.confirm(receivedBytes, news);
  if (blobs.shared !== null)
    void background.run(async () => await blobs.shared?.trim(blobKey, receivedBytes));
  return keptUntil;
};

/** Whether an error leaves the upload to be tried again. */
const isOurFault = (error: unknown): boolean => toGatewayError(error).httpStatus >= 500;

/** The length of the upload, told now or before. */
const agreeOnLength = async (
  dependencies: Dependencies,
  { upload, receivedBytes }: { upload: TrackedUpload; receivedBytes: number },
  toldBytes: number | null,
): Promise<number | null> => {
  if (toldBytes === null || toldBytes === upload.lengthBytes) return upload.lengthBytes;
  if (upload.lengthBytes !== null || toldBytes < receivedBytes) {
    const has =
      upload.lengthBytes === null ? `${receivedBytes} bytes already` : `${upload.lengthBytes} bytes`;
    throw new GatewayError(
      'invalid_request',
      `The upload has ${has}; its length cannot become ${toldBytes}.`,
      { param: 'Upload-Length' },
    );
  }
  await refuseBeforehand(dependencies, { ...upload, sizeBytes: toldBytes });
  await dependencies.quotas.cover({ id: upload.id, owner: upload.owner, sizeBytes: toldBytes });
  if (!(await setUploadLength(dependencies.database, upload, toldBytes))) throw overtaken();
  return toldBytes;
};

type Piece = Pick<Append, 'body' | 'isAllOrNothing' | 'lengthBytes'>;

/** Resolves once all that came is durable, or may be committed, with whether the body went on beyond the length. */
const takePiece = async (reception: Reception, piece: Piece): Promise<boolean> => {
  const { writer, receivedBytes: before } = reception;
  if (piece.isAllOrNothing) await writer.startProbation();
  try {
    const isCut = await write(reception, piece);
    if (isCut && piece.isAllOrNothing) throw tooLong(piece.lengthBytes);
    if (piece.isAllOrNothing) await writer.accept();
    else if (reception.receivedBytes !== piece.lengthBytes) await flush(reception, before);
    return isCut;
  } catch (error) {
    await (piece.isAllOrNothing ? writer.takeBack() : flush(reception, before));
    throw error;
  }
};

const write = async (reception: Reception, { body, lengthBytes }: Piece): Promise<boolean> => {
  for await (const chunk of body) {
    const roomBytes = (lengthBytes ?? Number.POSITIVE_INFINITY) - reception.receivedBytes;
    await reception.write(chunk.length > roomBytes ? chunk.subarray(0, roomBytes) : chunk);
    if (chunk.length > roomBytes) return true;
  }
  return false;
};

const flush = async (reception: Reception, beforeBytes: number): Promise<void> => {
  if (reception.receivedBytes > beforeBytes) await reception.writer.flush();
};

/** Brings an upload in order of which a piece broke off. */
const settle = async (
  dependencies: Dependencies,
  open: OpenUploads,
  {
    hold,
    upload,
    reception,
    isProved,
  }: { hold: Hold; upload: TrackedUpload; reception: Reception; isProved: boolean },
  error: unknown,
): Promise<void> => {
  const { database, log } = dependencies;
  try {
    if (error instanceof GatewayError && endsUpload(error, upload, isProved)) {
      if (!(await deleteUpload(database, upload))) return;
      return await open.discard({ ...upload, takenFrom: null });
    }
    // Opened anew, it goes on with what is durable.
    if (isOurFault(error)) await open.close(upload.id);
    await confirm(dependencies, { hold, reception }, { hasCome: true });
  } catch (second) {
    log.warn({ event: 'upload_not_settled', upload: upload.id, err: second });
  }
};

/** A piece whose digest was not compared yet may be damaged on its way; then its content says nothing of the file. */
const endsUpload = ({ code }: GatewayError, { lengthBytes }: TrackedUpload, isProved: boolean): boolean =>
  (code === 'file_too_large' && lengthBytes === null) || (isProved && REFUSED_CONTENT.has(code));

const REFUSED_CONTENT: ReadonlySet<string> = new Set(['type_mismatch', 'type_not_allowed', 'unsafe_content']);

const offsetConflict = (offsetBytes: number, toldBytes: number): GatewayError =>
  new GatewayError(
    'offset_conflict',
    `The upload has ${offsetBytes} bytes, not ${toldBytes}; go on from where it is.`,
    { param: 'Upload-Offset' },
  );

const tooLong = (lengthBytes: number | null, fileId?: string): GatewayError =>
  new GatewayError(
    'file_too_large',
    `The body goes on beyond the ${lengthBytes} bytes of the upload; ` +
      (fileId === undefined ? 'none of it was kept.' : 'the rest was not kept, and the file is complete.'),
    { param: 'Upload-Length', fileId },
  );
