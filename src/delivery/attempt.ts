import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { Delivery, TrackedFile } from '../core/file.ts';
import type { Provider, RemoteFile } from '../core/provider.ts';
import { findCopies } from './find-copies.ts';
import { ClaimLostError, type SendCopy } from './send-copy.ts';
import { bearsAnyMark, bearsMark } from './sent-name.ts';

export interface Attempt extends Pick<SendCopy, 'provider' | 'recordProgress' | 'signal'> {
  readonly file: Pick<TrackedFile, 'sizeBytes'>;
  readonly delivery: Pick<Delivery, 'id' | 'doubt'>;
  /** Sends the bytes, as `sendCopy` does. */
  readonly send: () => Promise<RemoteFile>;
  /** Records that a copy may exist from now on. False: the delivery was taken over, nothing may be sent. */
  readonly recordIntent: () => Promise<boolean>;
  /** Makes sure that the account has room for the file, or rejects with why it has not. */
  readonly makeRoom: () => Promise<void>;
}

export type AttemptResult =
  /** A copy is there: sent now, or found from an attempt whose answer was lost. */
  | { readonly kind: 'copy'; readonly remote: RemoteFile; readonly found: boolean }
  /** An earlier attempt left no copy that the provider's list shows; it is looked for once more before sending. */
  | { readonly kind: 'look_again' };

/**
 * One attempt at a delivery. While an earlier attempt's outcome is unknown, nothing is sent: the provider's list is
 * searched first, twice with a pause between, since a list may lag behind. Rejects as `sendCopy` does; when the error's
 * `outcome` is `unknown`, or the process dies, the next attempt starts in doubt. A search that fails settles nothing, so
 * its error's `outcome` is `unknown` whatever the provider said.
 */
export const attemptDelivery = async (attempt: Attempt): Promise<AttemptResult> => {
  const { provider, delivery, signal } = attempt;
  if (delivery.doubt !== 'none') {
    const remote = await findIntact(attempt).catch((error) => {
      throw inDoubt(error);
    });
    if (remote !== null) return { kind: 'copy', remote, found: true };
    if (delivery.doubt === 'look') return { kind: 'look_again' };
  }
  await attempt.makeRoom();
  if (!(await attempt.recordIntent()))
    throw new ClaimLostError('Another sender has taken this delivery over.');
  const remote = await attempt.send();
  if (!isNamedAsSent(remote, attempt)) {
    throw inDoubt(
      new GatewayError(
        'provider_unavailable',
        `${provider.id} answered with a file that is not the one it was sent.`,
      ),
    );
  }
  if (isWhole(remote, attempt)) return { kind: 'copy', remote, found: false };
  await provider.remove(remote.id, { signal }).catch((error) => {
    throw inDoubt(error);
  });
  throw new GatewayError(
    'provider_unavailable',
    `${provider.id} stored ${remote.sizeBytes} bytes instead of ${attempt.file.sizeBytes}; they were removed.`,
  );
};

/** The same failure, with what became of the copy left open: the provider has to be looked at before anything is sent. */
export const inDoubt = (error: unknown): unknown => {
  if (error instanceof ClaimLostError) return error;
  const { code, message, retry, retryAfterMs } = toGatewayError(error);
  return new GatewayError(code, message, {
    retry,
    retryAfterMs: retryAfterMs ?? undefined,
    outcome: 'unknown',
    cause: error,
  });
};

/** Our copy from an earlier attempt, if a whole one is there. Broken ones, of bodies that were cut off, are removed. */
const findIntact = async (attempt: Attempt): Promise<RemoteFile | null> => {
  const { provider, delivery, signal } = attempt;
  const copies = await findCopies(provider, delivery, signal);
  const intact = await firstPresent(
    provider,
    copies.filter((remote) => isWhole(remote, attempt) && remote.state !== 'failed'),
    signal,
  );
  const surplus = copies.filter(({ id }) => id !== intact?.id);
  // Who has taken the delivery over may have recorded a copy that is in our list.
  if (surplus.length > 0 && !(await attempt.recordProgress(0)))
    throw new ClaimLostError('Another sender has taken this delivery over.');
  for (const { id } of surplus) await provider.remove(id, { signal });
  return intact;
};

/** A list may go on showing what was deleted; only a file that can be asked for by its id is there. */
const firstPresent = async (
  provider: Provider,
  copies: readonly RemoteFile[],
  signal: AbortSignal,
): Promise<RemoteFile | null> => {
  for (const copy of copies) {
    const isPresent = await provider.retrieve(copy.id, { signal }).then(
      () => true,
      (error) => {
        if (error instanceof GatewayError && error.code === 'not_found') return false;
        throw error;
      },
    );
    if (isPresent) return copy;
  }
  return null;
};

/** An answer may name a file that is not ours. One that recognises bytes answers with the name they came under first. */
const isNamedAsSent = ({ filename }: RemoteFile, { provider, delivery }: Attempt): boolean =>
  filename === null || provider.capabilities.recognisesBytes === true || bearsMark(filename, delivery.id);

const isWhole = ({ sizeBytes }: RemoteFile, { file }: Pick<Attempt, 'file'>): boolean =>
  sizeBytes === null || sizeBytes === file.sizeBytes;

export interface Surplus {
  readonly provider: Provider;
  readonly delivery: Pick<Delivery, 'id'>;
  /** Which of these files of the provider a live record names: the delivery's own, or one that has taken its copy over. */
  readonly recorded: (remoteIds: readonly string[]) => Promise<ReadonlySet<string>>;
  /** Asked between the look and the removal: whether the delivery still is as it was given. What is sent later was not seen. */
  readonly isCurrent: () => Promise<boolean>;
  readonly signal: AbortSignal;
}

/** Removes every copy that a delivery's attempts made and no record names. Answers how many went. */
export const removeSurplus = async (options: Surplus): Promise<number> => {
  const { provider, delivery, recorded, isCurrent, signal } = options;
  const copies = await findCopies(provider, delivery, signal);
  const named = await recorded(copies.map(({ id }) => id));
  const surplus = copies.filter(({ id }) => !named.has(id));
  if (surplus.length === 0 || !(await isCurrent())) return 0;
  for (const { id } of surplus) await provider.remove(id, { signal });
  return surplus.length;
};

/**
 * Removes a recorded copy. Answers false, and leaves the file alone, when the provider shows under its id a file that
 * Waybill has not named: an answer may have told us somebody else's id, and what is not ours is never touched. The id of
 * an imported one comes from the record of who sent it, so its name proves nothing.
 */
export const removeRecorded = async (
  provider: Provider,
  { remoteId, isImported = false }: { readonly remoteId: string; readonly isImported?: boolean },
  signal: AbortSignal,
): Promise<boolean> => {
  if (isImported) {
    await provider.remove(remoteId, { signal });
    return true;
  }
  const filename = await provider.retrieve(remoteId, { signal }).then(
    (remote) => remote.filename,
    (error) => {
      // Lists and look-ups lag behind; only the removal itself proves that a file is gone.
      if (error instanceof GatewayError && error.code === 'not_found') return null;
      throw error;
    },
  );
  if (filename !== null && !bearsAnyMark(filename)) return false;
  await provider.remove(remoteId, { signal });
  return true;
};
