import type { BlobRange } from '../core/blob-store.ts';
import type { Delivery } from '../core/file.ts';
import type { ByteRange, Provider, RemoteFile } from '../core/provider.ts';
import { type SendCopy, sendCopy } from './send-copy.ts';

export interface EarlySendOptions {
  readonly provider: Provider;
  /** The size is the one announced; the copy is let go of only if it proves right. */
  readonly file: SendCopy['file'];
  readonly delivery: SendCopy['delivery'];
  /** Reads the growing bytes, waiting at their end. */
  readonly read: (range: BlobRange) => AsyncIterable<Buffer>;
  /** Told how many bytes have gone, until `finish` is called. */
  readonly onProgress: (bytesSent: number) => void;
  /** How long the source may stand still before the request is ended, in milliseconds; default `PAUSE_MS`. */
  readonly pauseMs?: number;
}

/** How progress and session are recorded, once there is a record. */
type Recording = Pick<SendCopy, 'recordProgress'> & { saveSession(state: unknown): Promise<void> };

/**
 * A copy on its way to its provider while its file is still coming in. Its last piece is held back until `finish`:
 * until then, ending the request leaves nothing there, so a client's abort or a duplicate costs nothing.
 */
export interface EarlySend {
  readonly provider: Provider;
  readonly delivery: Pick<Delivery, 'id' | 'purpose'>;
  readonly sizeBytes: number;
  /** Lets the last piece go. Settles as `sendCopy` does. The file is complete, and the intent to send it recorded. */
  finish(recording: Recording): Promise<RemoteFile>;
  /** Ends the request. Resolves once nothing of it is left. Idempotent; does nothing after `finish`. */
  cancel(): Promise<void>;
}

/** A provider that is sent nothing for longer is likely to hang up. */
const PAUSE_MS = 10_000;

export const startEarlySend = ({
  provider,
  file,
  delivery,
  read,
  onProgress,
  pauseMs = PAUSE_MS,
}: EarlySendOptions): EarlySend => {
  const ended = new AbortController();
  const release = Promise.withResolvers<Recording>();
  release.promise.catch(() => undefined);
  let recording: Recording | null = null;
  let state: unknown = null;
  const whole: ByteRange = { start: 0, end: file.sizeBytes };

  const send = (): Promise<RemoteFile> =>
    sendCopy({
      provider,
      file,
      delivery,
      open: (range = whole) =>
        holdBack(patiently(read, range, pauseMs), range.end === whole.end, release.promise),
      session: {
        state,
        save: async (next) => {
          state = next;
          await recording?.saveSession(next);
        },
      },
      recordProgress: async (bytesSent) => recording?.recordProgress(bytesSent) ?? true,
      onProgress: (bytesSent) => {
        if (recording === null) onProgress(bytesSent);
      },
      signal: ended.signal,
    });

  const sendUntilEnd = async (): Promise<RemoteFile> => {
    while (true) {
      try {
        return await send();
      } catch (error) {
        if (!(error instanceof SourcePausedError)) throw error;
        await nextByte(read, error.offset, ended.signal);
      }
    }
  };
  const sending = sendUntilEnd();
  // Told by `finish`.
  sending.catch(() => undefined);

  return {
    provider,
    delivery,
    sizeBytes: file.sizeBytes,
    finish: async (given) => {
      if (state !== null) await given.saveSession(state);
      recording = given;
      release.resolve(given);
      return await sending;
    },
    cancel: async () => {
      if (recording !== null) return;
      const reason = new Error('The file was not completed.');
      ended.abort(reason);
      release.reject(reason);
      await sending.catch(() => undefined);
    },
  };
};

/** The source has stood still for so long that the provider was let go of. */
class SourcePausedError extends Error {
  override readonly name = 'SourcePausedError';
  readonly offset: number;

  constructor(offset: number) {
    super(`No byte came after the first ${offset}.`);
    this.offset = offset;
  }
}

async function* patiently(
  read: EarlySendOptions['read'],
  { start, end }: ByteRange,
  pauseMs: number,
): AsyncGenerator<Buffer> {
  const paused = new AbortController();
  let offset = start;
  const giveUp = (): void => paused.abort(new SourcePausedError(offset));
  let timer = setTimeout(giveUp, pauseMs);
  try {
    for await (const piece of read({ start, end, signal: paused.signal })) {
      clearTimeout(timer);
      offset += piece.length;
      yield piece;
      timer = setTimeout(giveUp, pauseMs);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Keeps the last piece until it is released, if the range ends where the file does. */
async function* holdBack(
  pieces: AsyncIterable<Buffer>,
  endsFile: boolean,
  released: Promise<unknown>,
): AsyncGenerator<Buffer> {
  let held: Buffer | null = null;
  for await (const piece of pieces) {
    if (held !== null) yield held;
    held = piece;
  }
  if (held === null) return;
  if (endsFile) await released;
  yield held;
}

/** Resolves when there is more than `offset`, or when there will be no more. */
const nextByte = async (
  read: EarlySendOptions['read'],
  offset: number,
  signal: AbortSignal,
): Promise<void> => {
  for await (const _ of read({ start: offset, end: offset + 1, signal })) return;
};
