import { BlobMissingError } from '../core/blob-store.ts';
import type { TrackedUpload } from '../core/upload.ts';
import type { Dependencies } from './dependencies.ts';
import { beginReception, type Reception, resumeReception } from './reception.ts';
import type { Turns } from './turns.ts';

/** How long an upload that nobody sends to stays open, in milliseconds: longer than clients take between two parts. */
const REST_MS = 30_000;
/** Each has a descriptor and a hash in progress. */
const MAX_RESTING = 256;

/**
 * Uploads whose blobs are open in this process, so that one that comes in parts is neither opened nor hashed anew for each
 * of them. Everything here is for whoever has the upload's turn.
 */
export interface OpenUploads {
  /** The upload as far as it has come, all of it durable. To be followed by `rest`, `close`, `discard` or `forget`. */
  open(upload: TrackedUpload): Promise<Reception>;
  /** Leaves it open for a while. Does nothing for one that is not. */
  rest(id: string): void;
  /** Lets go of its descriptor; what has come stays. */
  close(id: string): Promise<void>;
  /** Removes its bytes, open or not. */
  discard(upload: Pick<TrackedUpload, 'id' | 'blobKey'>): Promise<void>;
  /** For a reception that its caller ends. */
  forget(id: string): void;
  /** Closes those that rest. */
  closeAll(): Promise<void>;
}

export const createOpenUploads = (dependencies: Dependencies, turns: Turns): OpenUploads => {
  const { blobs, log } = dependencies;
  const receptions = new Map<string, Reception>();
  /** The one that has rested longest first. */
  const resting = new Map<string, NodeJS.Timeout>();

  const wake = (id: string): void => {
    clearTimeout(resting.get(id));
    resting.delete(id);
  };
  const take = (id: string): Reception | undefined => {
    wake(id);
    const reception = receptions.get(id);
    receptions.delete(id);
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

  return {
    open: async (upload) => {
      wake(upload.id);
      const reception = receptions.get(upload.id) ?? (await openBlob(dependencies, upload));
      receptions.set(upload.id, reception);
      return reception;
    },
    rest: (id) => {
      if (!receptions.has(id)) return;
      layToRest(id);
      // Not before those that were laid to rest at once, as when a network breaks, have given their turns back.
      if (resting.size > MAX_RESTING) setImmediate(closeSurplus);
    },
    close: async (id) => await take(id)?.suspend(),
    discard: async ({ id, blobKey }) => {
      const reception = take(id);
      if (reception === undefined) await blobs.remove(blobKey);
      else await reception.abort();
    },
    forget: (id) => void take(id),
    closeAll: async () => {
      await Promise.all([...resting.keys()].map(closeIfResting));
    },
  };
};

const openBlob = async (
  dependencies: Dependencies,
  { id: fileId, blobKey, lengthBytes, ...announced }: TrackedUpload,
): Promise<Reception> => {
  const options = { ...announced, sizeBytes: lengthBytes, place: { fileId, blobKey } };
  const reception = await resumeReception(dependencies, options).catch((error: unknown) => {
    // Nothing has come of it yet.
    if (error instanceof BlobMissingError) return null;
    throw error;
  });
  if (reception === null) return await beginReception(dependencies, options);
  try {
    // After a death, what is there may not be durable, and nothing that a client has been told of may go.
    await reception.writer.flush();
    return reception;
  } catch (error) {
    await reception.suspend().catch(() => undefined);
    throw error;
  }
};
