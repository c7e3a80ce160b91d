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
}
