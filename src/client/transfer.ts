import { ClientError } from './client-error.ts';
import type { OpenedSource, Piece } from './opened-source.ts';
import { createReading } from './reading.ts';
import type { RecalledUpload } from './recall-upload.ts';
import { createTally } from './tally.ts';
import type { Tus } from './tus.ts';
import type { UploadOptions } from './upload-options.ts';

/** The bytes of one source on their way. */
export interface Transfer {
  /**
   * Sends what the gateway does not have and resolves with the file's id once it has all. To be called again after a
   * failure that may pass: it goes on from where the gateway is.
   */
  complete(): Promise<string>;
  /** Leaves things in order when nobody will call again, because of `error`. Never rejects. */
  leave(error: unknown): Promise<void>;
}

interface TransferOptions {
  readonly tus: Tus;
  readonly source: OpenedSource;
  readonly metadata: Readonly<Record<string, string | undefined>>;
  readonly recalled: RecalledUpload;
  readonly options: UploadOptions;
  /** Called when more has gone than ever before. */
  readonly progressed: () => void;
}

/** Below, one request that is sent again from its start costs less than two. */
const AT_ONCE_BYTES = 4 * 2 ** 20;
/** How long one that is called off may take to leave things in order. */
const TIDY_MS = 5_000;

export const createTransfer = ({
  tus,
  source,
  metadata,
  recalled,
  options,
  progressed,
}: TransferOptions): Transfer => {
  const { signal } = options;
  const onceKey = randomKey();
  const reading = createReading(source, signal);
  const tally = createTally(options.onProgress, progressed);
  let state: 'new' | 'begun' | 'complete' = 'new';
  let id: string | null = null;
  /** Null: to be asked for. */
  let offset: number | null = null;
  let totalBytes = source.sizeBytes;
  let announcedBytes: number | null = null;
  let keptBytes = 0;

  const tell = (sentBytes: number): void => tally.tell({ sentBytes, totalBytes });
  const sendingFrom = (start: number) => ({
    onSent: (sentBytes: number) => reading.within(() => tell(start + sentBytes)),
    signal,
  });
  const arrive = (at: number): void => {
    if (totalBytes !== null && at > totalBytes) throw wrongOffset(at);
    offset = at;
    keptBytes = at;
    tell(at);
  };
  const pieceAt = async (at: number): Promise<Piece> => {
    const piece = await reading.piece(at);
    if (piece.isLast) totalBytes = at + piece.sizeBytes;
    return piece;
  };

  const begin = async (): Promise<void> => {
    const piece = await pieceAt(0);
    tell(0);
    announcedBytes = totalBytes;
    const announced = { sizeBytes: totalBytes, metadata };
    if (piece.isLast && piece.sizeBytes <= AT_ONCE_BYTES) {
      id = await tus.createWhole(announced, piece, { onceKey, ...sendingFrom(0) });
      return arrive(piece.sizeBytes);
    }
    // Called off before its id is known, it could not be taken back.
    id = await lingering(signal, (later) => tus.create(announced, later));
    await recalled.keep(id);
    signal?.throwIfAborted();
    arrive(0);
  };
  const beginAnew = async (): Promise<void> => {
    id = null;
    offset = null;
    tally.restart();
    await recalled.forget();
    await begin();
  };
  const look = async (known: string): Promise<void> => {
    const standing = await tus.look(known, signal).catch((error: unknown) => {
      if (isGone(error) && (source.isRepeatable || keptBytes === 0)) return null;
      throw error;
    });
    if (standing === null) return await beginAnew();
    announcedBytes = standing.totalBytes;
    if (source.sizeBytes !== null && standing.totalBytes !== source.sizeBytes) return await beginAnew();
    arrive(standing.offset);
  };
  const append = async (to: string, from: number): Promise<void> => {
    const piece = await pieceAt(from);
    offset = null;
    const next = { offset: from, piece, totalBytes: announcedBytes === null ? totalBytes : null };
    const at = await tus.append(to, next, sendingFrom(from));
    announcedBytes = totalBytes;
    if (at <= from && piece.sizeBytes > 0) throw wrongOffset(at);
    arrive(at);
  };

  return {
    complete: async () => {
      if (state === 'new') id = await recalled.find();
      state = 'begun';
      reading.renew();
      try {
        if (id === null) await begin();
        else if (offset === null) await look(id);
        while (id !== null && offset !== null && offset !== totalBytes) await append(id, offset);
      } catch (error) {
        throw reading.causeOf(error);
      }
      if (id === null) throw new Error('An upload that is complete has an id.');
      state = 'complete';
      await recalled.forget();
      return id;
    },
    leave: async (error) => {
      if (id === null || isKept(options, error, state === 'complete')) return;
      await recalled.forget();
      await tus.terminate(id, AbortSignal.timeout(TIDY_MS)).catch(() => undefined);
    },
  };
};

const isGone = (error: unknown): boolean =>
  error instanceof ClientError && (error.httpStatus === 404 || error.httpStatus === 410);

/** Whether the gateway is to keep what it has of an upload that ends with `error`. */
const isKept = ({ signal, resume, onAbort }: UploadOptions, error: unknown, isComplete: boolean): boolean => {
  const isResumable = resume !== undefined;
  if (signal?.aborted === true) return (onAbort ?? (isResumable ? 'keep' : 'discard')) === 'keep';
  return isComplete || (isResumable && !isSpoilt(error));
};

/** Whether going on with these bytes would fail again. */
const isSpoilt = (error: unknown): boolean =>
  error instanceof ClientError &&
  (error.code === 'source_changed' || [400, 413, 415, 422].includes(error.httpStatus ?? 0));

/** Lets what should not be cut short go on for a while after `signal` has aborted. */
const lingering = async <Result>(
  signal: AbortSignal | undefined,
  work: (later: AbortSignal) => Promise<Result>,
): Promise<Result> => {
  const later = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const onAbort = (): void => {
    timer = setTimeout(() => later.abort(signal?.reason), TIDY_MS);
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await work(later.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
};

const wrongOffset = (offset: number): ClientError =>
  new ClientError(
    'unexpected_answer',
    `The gateway says that it has ${offset} bytes, which cannot be; check any proxy in front of it.`,
  );

/** Not `randomUUID`, which pages without https do not have. */
const randomKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
