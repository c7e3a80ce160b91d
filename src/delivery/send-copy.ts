import { BlobMissingError } from '../core/blob-store.ts';
import { GatewayError } from '../core/errors.ts';
import type { Delivery, TrackedFile } from '../core/file.ts';
import type { ByteRange, Provider, RemoteFile, UploadSession } from '../core/provider.ts';
import { sentName } from './sent-name.ts';

export interface SendCopy {
  readonly provider: Provider;
  readonly file: Pick<TrackedFile, 'filename' | 'mediaType' | 'sizeBytes'>;
  readonly delivery: Pick<Delivery, 'id' | 'purpose'>;
  /** Opens the file's bytes, all of them or those of a range. */
  readonly open: (range?: ByteRange) => AsyncIterable<Buffer>;
  /**
   * Records how many bytes have gone, and that the sender lives: called once per chunk of the provider's size,
   * and every `RENEW_MS` besides. Answering false means the delivery is no longer ours, and ends the attempt.
   */
  readonly recordProgress: (bytesSent: number) => Promise<boolean>;
  /** Told at every piece how many bytes have gone. */
  readonly onProgress?: ((bytesSent: number) => void) | undefined;
  readonly session: UploadSession;
  readonly signal: AbortSignal;
}

/** The delivery was taken over while bytes were being sent. */
export class ClaimLostError extends Error {
  override readonly name = 'ClaimLostError';
}

/**
 * One attempt to put a file's bytes at a provider. Resolves with the provider's file. Rejects with a
 * `GatewayError` that says whether to try again, with `ClaimLostError`, or with the signal's reason.
 */
export const sendCopy = async ({
  provider,
  file,
  delivery,
  open,
  recordProgress,
  onProgress,
  session,
  signal,
}: SendCopy): Promise<RemoteFile> => {
  const ended = new AbortController();
  const progress = createProgress({
    chunkBytes: provider.capabilities.chunkBytes,
    record: recordProgress,
    lost: () => ended.abort(new ClaimLostError('Another sender has taken this delivery over.')),
  });
  try {
    const remote = await provider.upload({
      filename: sentName(file.filename, delivery.id),
      mediaType: file.mediaType,
      sizeBytes: file.sizeBytes,
      purpose: delivery.purpose,
      session,
      open,
      onProgress: (bytesSent) => {
        onProgress?.(bytesSent);
        progress.sent(bytesSent);
      },
      signal: AbortSignal.any([signal, ended.signal]),
    });
    return await usable(remote, provider, signal);
  } catch (error) {
    throw explained(error);
  } finally {
    await progress.settled();
  }
};

/** How often a sender shows that it lives, well within `LEASE_MS`. */
const RENEW_MS = 20_000;
/** How long a sender that no longer shows itself keeps its delivery. */
export const LEASE_MS = 90_000;

const explained = (error: unknown): unknown => {
  if (!(error instanceof BlobMissingError)) return error;
  const message = 'The master copy of this file is missing; upload it again.';
  return new GatewayError('internal_error', message, { retry: 'never', cause: error });
};

/** Some providers keep a file that they refuse to process; no record would name it, so it goes. */
const usable = async (remote: RemoteFile, provider: Provider, signal: AbortSignal): Promise<RemoteFile> => {
  if (remote.state !== 'failed') return remote;
  const isGone = await provider.remove(remote.id, { signal }).then(
    () => true,
    () => false,
  );
  throw new GatewayError(
    'provider_rejected',
    `${provider.id} could not process the file: ${remote.detail ?? 'it gave no reason'}`,
    { outcome: isGone ? 'not_done' : 'unknown' },
  );
};

interface ProgressOptions {
  readonly chunkBytes: number;
  readonly record: (bytesSent: number) => Promise<boolean>;
  readonly lost: () => void;
}

/** Records one chunk at a time and never two at once: when the record is slower than the network, chunks are skipped. */
const createProgress = ({ chunkBytes, record, lost }: ProgressOptions) => {
  let recordedChunks = 0;
  let sentBytes = 0;
  let running: Promise<void> | null = null;
  const run = async (): Promise<void> => {
    // A record that cannot be written does not stop the bytes; the next one, or the outcome, will tell.
    const isOurs = await record(sentBytes).catch(() => true);
    running = null;
    if (!isOurs) lost();
  };
  const renewal = setInterval(() => {
    running ??= run();
  }, RENEW_MS);
  return {
    sent: (bytesSent: number): void => {
      sentBytes = bytesSent;
      const chunks = Math.floor(bytesSent / chunkBytes);
      if (chunks <= recordedChunks || running !== null) return;
      recordedChunks = chunks;
      running = run();
    },
    settled: async (): Promise<void> => {
      clearInterval(renewal);
      await running;
    },
  };
};
