import type { Dependencies } from './dependencies.ts';
import { fatesOf } from './sweep-blobs.ts';

/**
 * Blobs that this process has let go of and another instance may have taken over: then they are nobody's, and what this
 * process has written late under their keys has to be cleared by itself, as soon as they are not being fetched any more.
 */
export interface LeftBlobs {
  add(blobKey: string): void;
  /** For one that is open again. */
  drop(blobKey: string): void;
  /** Removes those that no record names, of a thousand that were looked at longest ago. */
  tidy(): Promise<void>;
}

const BATCH = 1_000;

export const createLeftBlobs = (dependencies: Dependencies): LeftBlobs => {
  const { blobs, log } = dependencies;
  const left = new Set<string>();

  const removeUnnamed = async (blobKey: string): Promise<void> => {
    try {
      await blobs.remove(blobKey);
    } catch (error) {
      left.add(blobKey);
      log.warn({ event: 'blob_not_tidied', blob: blobKey, err: error });
    }
  };

  return {
    add: (blobKey) => {
      if (blobs.shared !== null) left.add(blobKey);
    },
    drop: (blobKey) => void left.delete(blobKey),
    tidy: async () => {
      const looked = [...left].slice(0, BATCH);
      if (looked.length === 0) return;
      const fates = await fatesOf(dependencies, looked);
      // Those that were opened meanwhile are not left any more.
      for (const blobKey of looked.filter((key) => left.delete(key))) {
        const fate = fates.get(blobKey);
        if (fate === 'growing') left.add(blobKey);
        if (fate === undefined) await removeUnnamed(blobKey);
      }
    },
  };
};
