/**
 * The port behind which master copies rest. The contract, which `test/conformance` holds every store to:
 *
 * - BLB-01 One writer appends to a blob; any number of readers follow it from any offset while it grows.
 * - BLB-02 A reader of a growing blob ends when the writer commits and fails when the writer aborts.
 * - BLB-03 `commit` resolves only when bytes and name survive a power cut, and tells their SHA-256.
 * - BLB-04 An aborted or removed blob leaves nothing behind; removing twice succeeds.
 * - BLB-05 Keys are chosen by us and never by a caller (`TypeError` for any other); a key is written once.
 * - BLB-06 Memory does not grow with the blob.
 * - BLB-07 After a crash, `sweep` removes what no record names, and only that.
 */
export interface BlobStore {
  /** Begins a blob. The caller must end it with `commit` or `abort`. Rejects when the key was used for a blob that is there. */
  create(key: string): Promise<BlobWriter>;
  /**
   * Reads bytes `[start, end)` in order, waiting at the growing end of a blob still being written. Opens
   * anew on each call, so a retry reads from the start again. Ending the iteration closes what it opened.
   * Rejects with `BlobMissingError` when there is no such blob.
   */
  read(key: string, range?: BlobRange): AsyncIterable<Buffer>;
  /** Marks a committed blob as named by a record, so that `sweep` leaves it alone. Idempotent. */
  keep(key: string): Promise<void>;
  remove(key: string): Promise<void>;
  /**
   * Collects what a crash left: every unkept blob for which `isTracked` answers false. Returns how many went.
   * Blobs being written are left alone; one that is committed and not yet recorded is not, so this belongs to a
   * start, before any work. Keeps what is tracked.
   */
  sweep(isTracked: (keys: readonly string[]) => Promise<ReadonlySet<string>>): Promise<number>;
  /** Frees workers and descriptors. Readers and writers must have ended. */
  close(): Promise<void>;
}

export interface BlobRange {
  /** First byte, default 0. */
  readonly start?: number;
  /** One past the last byte, default the end of the blob. */
  readonly end?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface BlobWriter {
  /**
   * Appends. Awaiting the result is the back-pressure: memory stays at about one write batch. One call at a time.
   * After a failure the blob can only be aborted.
   */
  write(chunk: Buffer): Promise<void>;
  /** When it rejects, the blob is not there for good: the caller aborts. */
  commit(): Promise<CommittedBlob>;
  /** Ends readers with an error and removes the bytes. Idempotent; does nothing after `commit`. */
  abort(): Promise<void>;
}

export interface CommittedBlob {
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** The record names a blob that the store does not have. */
export class BlobMissingError extends Error {
  override readonly name = 'BlobMissingError';
}

/** The writer gave up while a reader was following. */
export class BlobAbortedError extends Error {
  override readonly name = 'BlobAbortedError';
}
