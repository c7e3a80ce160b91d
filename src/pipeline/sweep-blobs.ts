import type { BlobFate } from '../core/blob-store.ts';
import { trackedBlobs } from '../tracking/files.ts';
import { growingBlobs } from '../tracking/uploads.ts';
import type { Dependencies } from './dependencies.ts';

/** What the record knows these blobs as. */
export const fatesOf = async (
  { database }: Pick<Dependencies, 'database'>,
  keys: readonly string[],
): Promise<ReadonlyMap<string, BlobFate>> => {
  // In this order: what is completed meanwhile is found as one or the other.
  const growing = await growingBlobs(database, keys);
  const kept = await trackedBlobs(database, keys);
  return new Map<string, BlobFate>([
    ...[...growing].map((key) => [key, 'growing'] as const),
    ...[...kept].map((key) => [key, 'kept'] as const),
  ]);
};

/** Longer than anything that is coming in goes without a byte, and than a file is whole before it is recorded. */
const LEFT_MS = 86_400_000;

/** Collects blobs that no record names and nothing has touched for a day. Answers how many. */
export const sweepOldBlobs = (dependencies: Pick<Dependencies, 'database' | 'blobs'>): Promise<number> =>
  dependencies.blobs.sweep((keys) => fatesOf(dependencies, keys), { minAgeMs: LEFT_MS });

/** How many `sweepOldBlobs` would collect. */
export const countOldBlobs = async (
  dependencies: Pick<Dependencies, 'database' | 'blobs'>,
): Promise<number> => {
  let unnamed = 0;
  const look = async (keys: readonly string[]): Promise<ReadonlyMap<string, BlobFate>> => {
    const named = await fatesOf(dependencies, keys);
    unnamed += keys.filter((key) => !named.has(key)).length;
    // Said to be growing, they are all left as they are.
    return new Map(keys.map((key) => [key, 'growing']));
  };
  await dependencies.blobs.sweep(look, { minAgeMs: LEFT_MS });
  return unnamed;
};
