import { BlobMissingError, type BlobWriter } from '../core/blob-store.ts';
import type { TrackedUpload } from '../core/upload.ts';
import { recordTakenOver } from '../tracking/upload-writers.ts';
import type { Dependencies } from './dependencies.ts';
import { createLeftBlobs } from './left-blobs.ts';
import { beginReception, type Reception, resumeReception } from './reception.ts';
import { overtaken, type Turns } from './turns.ts';

/** How long an upload that nobody sends to stays open, in milliseconds: longer than clients take between two parts. */
const REST_MS = 30_000;
/** Each has a descriptor and a hash in progress. */
const MAX_RESTING = 256;

/**
 * Uploads whose blobs are open in this process, so that one that comes in parts is neither opened nor hashed anew for each
 * of them. Everything here is for whoever has the upload's turn.
 */
export interface OpenUploads {
  /**
   * The upload as far as it has come, all of it durable; fetched, when another instance had it. To be followed by `rest`,
   * `close`, `discard` or `forget`. Rejects with `upload_locked` when it was taken over meanwhile.
   */
  open(upload: TrackedUpload): Promise<Reception>;
  /** Leaves it open for a while. Does nothing for one that is not. */
  rest(id: string): void;
  /** Lets go of its descriptor; what has come stays. */
  close(id: string): Promise<void>;
  /** Lets go of what this process has of an upload that another instance has taken over. */
  letGo(upload: Pick<TrackedUpload, 'id' | 'blobKey'>): void;
  /** Removes the bytes of an upload that is off the record, open or not. */
  discard(upload: Pick<TrackedUpload, 'id' | 'blobKey' | 'takenFrom'>): Promise<void>;
  /** For a reception that its caller ends. */
  forget(id: string): void;
  /** Removes what this process has let go of and nobody needs any more. */
  tidy(): Promise<void>;
  /** Closes those that rest. */
  closeAll(): Promise<void>;
}

export const createOpenUploads = (dependencies: Dependencies, turns: Turns): OpenUploads => {
  const { blobs, background, log } = dependencies;
  const receptions = new Map<string, Reception>();
  /** The one that has rested longest first. */
  const resting = new Map<string, NodeJS.Timeout>();
  const left = createLeftBlobs(dependencies);

  const wake = (id: string): void => {
    clearTimeout(resting.get(id));
    resting.delete(id);
  };
  const take = (id: string): Reception | undefined => {
    wake(id);
    const reception = receptions.get(id);
    receptions.delete(id);
    if (reception !== undefined) left.add(reception.blobKey);
    return reception;
  };
  const layToRest = (id: string): void => {
    wake(id);
    resting.set(id, setTimeout(() => void closeIfResting(id), REST_MS).unref());
  };
  const closeIfResting = async (id: string): Promise<void> => {
    const turn = turns.takeFree(id);
    // Somebody is at it, or just done with it.
    if (turn === null) return layToRest(id);
    try {
      await take(id)?.suspend();
    } catch (error) {
      log.warn({ event: 'upload_suspend_failed', upload: id, err: error });
    } finally {
      turn.giveBack();
    }
  };
  const closeSurplus = (): void => {
    const surplus = Math.max(0, resting.size - MAX_RESTING);
    for (const id of [...resting.keys()].slice(0, surplus)) void closeIfResting(id);
  };
  const letGo = ({ id, blobKey }: Pick<TrackedUpload, 'id' | 'blobKey'>): void => {
    const reception = take(id);
    left.add(blobKey);
    void background.run(async () => {
      await reception?.suspend().catch(() => undefined);
      await left.tidy();
    });
  };

  return {
    open: async (upload) => {
      wake(upload.id);
      const known = receptions.get(upload.id);
      if (known !== undefined && known.blobKey !== upload.blobKey)
        letGo({ id: upload.id, blobKey: known.blobKey });
      const reception = receptions.get(upload.id) ?? (await openBlob(dependencies, upload));
      receptions.set(upload.id, reception);
      left.drop(upload.blobKey);
      return reception;
    },
    rest: (id) => {
      if (!receptions.has(id)) return;
      layToRest(id);
      // Not before those that were laid to rest at once, as when a network breaks, have given their turns back.
      if (resting.size > MAX_RESTING) setImmediate(closeSurplus);
    },
    close: async (id) => await take(id)?.suspend(),
    letGo,
    discard: async ({ id, blobKey, takenFrom }) => {
      const reception = take(id);
      if (reception?.blobKey === blobKey) await reception.abort();
      else await Promise.all([reception?.suspend(), blobs.remove(blobKey)]);
      if (takenFrom !== null) await blobs.remove(takenFrom);
    },
    forget: (id) => void take(id),
    tidy: left.tidy,
    closeAll: async () => {
      await Promise.all([...resting.keys()].map(closeIfResting));
    },
  };
};

const openBlob = async (dependencies: Dependencies, upload: TrackedUpload): Promise<Reception> => {
  const { id: fileId, blobKey, lengthBytes, takenFrom, savedBytes: _, ...announced } = upload;
  const options = { ...announced, via: 'tus' as const, sizeBytes: lengthBytes, place: { fileId, blobKey } };
  const writer = await openWriter(dependencies, upload).catch((error: unknown) => {
    // Nothing has come of it yet.
    if (error instanceof BlobMissingError) return null;
    throw error;
  });
  const reception =
    writer === null
      ? await beginReception(dependencies, options)
      : await resumeReception(dependencies, options, writer);
  try {
    // After a death, what is there may not be durable, and nothing that a client has been told of may go.
    if (writer !== null) await reception.writer.flush();
    if (takenFrom !== null) await endTakeOver(dependencies, { ...upload, takenFrom }, reception);
    return reception;
  } catch (error) {
    await reception.suspend().catch(() => undefined);
    throw error;
  }
};

const openWriter = (
  { blobs }: Dependencies,
  { blobKey, takenFrom, savedBytes }: TrackedUpload,
): Promise<BlobWriter> => {
  if (takenFrom === null || savedBytes === null || savedBytes === 0 || blobs.shared === null)
    return blobs.resume(blobKey);
  return blobs.shared.takeOver(blobKey, { key: takenFrom, sizeBytes: savedBytes });
};

/** From here on the upload needs nothing of what its last writer has, or still writes. */
const endTakeOver = async (
  { database, blobs, background, log }: Dependencies,
  { id, blobKey, takenFrom }: TrackedUpload & { readonly takenFrom: string },
  { receivedBytes: savedBytes }: Reception,
): Promise<void> => {
  if (!(await recordTakenOver(database, { id, blobKey, savedBytes }))) throw overtaken();
  log.info({ event: 'upload_taken_over', upload: id, bytes: savedBytes });
  void background.run(() => blobs.remove(takenFrom));
};
