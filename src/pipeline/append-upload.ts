import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { FileWithDeliveries } from '../core/file.ts';
import type { TrackedUpload } from '../core/upload.ts';
import { deleteUpload, setUploadLength, touchUpload } from '../tracking/uploads.ts';
import type { Dependencies } from './dependencies.ts';
import type { OpenUploads } from './open-uploads.ts';
import { readUntilTold } from './read-until-told.ts';
import { type Reception, refuseBeforehand } from './reception.ts';

/** How long an upload is kept after the last that came of it, in milliseconds. */
export const UPLOAD_TTL_MS = 86_400_000;
/** An upload in many small parts does not need its row written for each. */
const TOUCH_AFTER_MS = 60_000;

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
 * Appends to an upload whose turn the caller has, until `told`. What arrived before a failure stays, unless it was all or
 * nothing. Rejects with `offset_conflict`, with `file_too_large` when the body goes on beyond the length, with whatever
 * the body rejects with, and with what is found wrong with the whole file; that ends the upload.
 */
export const appendUpload = async (
  dependencies: Dependencies,
  open: OpenUploads,
  { upload: before, append, told }: { upload: TrackedUpload; append: Append; told: AbortSignal },
): Promise<UploadState> => {
  const reception = await open.open(before);
  try {
    const { receivedBytes } = reception;
    if (append.offsetBytes !== receivedBytes) throw offsetConflict(receivedBytes, append.offsetBytes);
    const agreed = { upload: before, receivedBytes };
    const lengthBytes = await agreeOnLength(dependencies, agreed, append.lengthBytes);
    const upload = { ...before, lengthBytes };
    const piece = { ...append, body: readUntilTold(append.body, told), lengthBytes };
    const isCut = await takePiece(reception, piece).catch(async (error: unknown) => {
      await settle(dependencies, open, { upload, isProved: !append.isAllOrNothing }, error);
      throw error;
    });
    const file = await completeIfWhole(dependencies, open, { upload, reception });
    if (isCut) throw tooLong(lengthBytes, file?.file.id);
    if (file !== null) return { file };
    const expiresAt = await touch(dependencies, upload);
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
  try {
    return await reception.commit({
      options: upload.options,
      keepsAfter: isOurFault,
      alongside: async (trx) => {
        if (!(await deleteUpload(trx, upload.id))) throw noUpload(upload.id);
      },
    });
  } catch (error) {
    if (!isOurFault(error)) await deleteUpload(database, upload.id);
    throw error;
  }
};

export const noUpload = (id: string): GatewayError =>
  new GatewayError('not_found', `There is no upload ${id}.`, { param: 'id' });

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
  await setUploadLength(dependencies.database, upload.id, toldBytes);
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
  { upload, isProved }: { upload: TrackedUpload; isProved: boolean },
  error: unknown,
): Promise<void> => {
  const { database, log } = dependencies;
  try {
    if (error instanceof GatewayError && endsUpload(error, upload, isProved)) {
      await deleteUpload(database, upload.id);
      return await open.discard(upload);
    }
    // Opened anew, it goes on with what is on the disk.
    if (isOurFault(error)) await open.close(upload.id);
    await touch(dependencies, upload);
  } catch (second) {
    log.warn({ event: 'upload_not_settled', upload: upload.id, err: second });
  }
};

/** A piece whose digest was not compared yet may be damaged on its way; then its content says nothing of the file. */
const endsUpload = ({ code }: GatewayError, { lengthBytes }: TrackedUpload, isProved: boolean): boolean =>
  (code === 'file_too_large' && lengthBytes === null) || (isProved && REFUSED_CONTENT.has(code));

const REFUSED_CONTENT: ReadonlySet<string> = new Set(['type_mismatch', 'type_not_allowed', 'unsafe_content']);

const touch = async ({ database }: Dependencies, { id, expiresAt }: TrackedUpload): Promise<Date> => {
  if (expiresAt.getTime() - Date.now() > UPLOAD_TTL_MS - TOUCH_AFTER_MS) return expiresAt;
  const later = await touchUpload(database, id, UPLOAD_TTL_MS);
  if (later === null) throw noUpload(id);
  return later;
};

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
