import type { BlobStore } from '../core/blob-store.ts';

/** What a file's first readers, checks and deliveries, need not fetch back. */
const KEPT_BYTES = 2 ** 30;

/** Local copies of blobs that are whole and in the bucket: those that no record names yet, and then some of those kept. */
export interface LocalCopies {
  has(key: string): boolean;
  /** Of a blob that was just committed. */
  add(key: string, sizeBytes: number): void;
  /** A record names the blob: its copy stays as long as there is room. */
  keep(key: string): Promise<void>;
  /** Removes whatever the local disk has under the key. */
  remove(key: string): Promise<void>;
  /** For one that somebody else removes. */
  forget(key: string): void;
}

export const createLocalCopies = (local: BlobStore, mostBytes = KEPT_BYTES): LocalCopies => {
  const unkept = new Map<string, number>();
  /** The one kept longest ago first. */
  const kept = new Map<string, number>();
  let keptBytes = 0;

  const forget = (key: string): void => {
    unkept.delete(key);
    keptBytes -= kept.get(key) ?? 0;
    kept.delete(key);
  };
  const remove = async (key: string): Promise<void> => {
    forget(key);
    await local.remove(key);
  };

  return {
    has: (key) => unkept.has(key) || kept.has(key),
    add: (key, sizeBytes) => unkept.set(key, sizeBytes),
    keep: async (key) => {
      if (kept.has(key)) return;
      const sizeBytes = unkept.get(key);
      // A mark without bytes, or a copy of an earlier process.
      if (sizeBytes === undefined) return await local.remove(key);
      await local.keep(key);
      unkept.delete(key);
      kept.set(key, sizeBytes);
      keptBytes += sizeBytes;
      for (const oldest of kept.keys()) if (keptBytes > mostBytes) await remove(oldest);
    },
    remove,
    forget,
  };
};
