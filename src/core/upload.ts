import type { UploadOptions } from './incoming.ts';

/** A file that comes in over several requests, as tracked: the row of `uploads`. It goes as its file comes. */
export interface TrackedUpload {
  /** Of the file that it becomes. */
  readonly id: string;
  readonly owner: string;
  /** Clean (see `core/filename.ts`). */
  readonly filename: string;
  readonly mediaType: string;
  readonly options: UploadOptions;
  /** Null while the client has not told it. */
  readonly lengthBytes: number | null;
  readonly blobKey: string;
  /** As the client sent it. */
  readonly metadata: string | null;
  readonly expiresAt: Date;
  /** The blob that has its first `savedBytes`, written by another instance, as long as ours has not fetched them. */
  readonly takenFrom: string | null;
  /** How much of it any instance can go on from. Null: nothing, or the blobs belong to one instance, where only the blob knows. */
  readonly savedBytes: number | null;
}
