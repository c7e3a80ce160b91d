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
 * - BLB-08 A suspended blob, or one whose process died, is resumed at what had become durable or more, never less.
 * - BLB-09 What is written on probation is seen by no reader until it is accepted, and can be taken back.
 * - BLB-10 A copy has the same bytes under another key, and outlives the first.
 * - BLB-11 A shared blob is taken over at any size that was made durable, whatever its first writer does then.
 */
export interface BlobStore {
  /** Begins a blob. The caller must end it with `commit` or `abort`. Rejects when the key was used for a blob that is there. */
  create(key: string): Promise<BlobWriter>;
  /** Goes on with a blob that was suspended, or whose process died. Rejects with `BlobMissingError` when there is none. */
  resume(key: string): Promise<BlobWriter>;
  /**
   * Reads bytes `[start, end)` in order, waiting at the growing end of a blob still being written. Opens
   * anew on each call, so a retry reads from the start again. Ending the iteration closes what it opened.
   * Rejects with `BlobMissingError` when there is no such blob.
   */
  read(key: string, range?: BlobRange): AsyncIterable<Buffer>;
  /** Marks a committed blob as named by a record, so that `sweep` leaves it alone. Idempotent. */
  keep(key: string): Promise<void>;
  /**
   * Makes a committed blob of the bytes of another, without moving them where the store can. Like `create`, wants `keep`.
   * Rejects with `BlobMissingError` when there is none, and when it is being written or `newKey` was used.
   */
  copy(key: string, newKey: string): Promise<void>;
  remove(key: string): Promise<void>;
  /**
   * Collects what a crash left: every unkept blob for which `fatesOf` has no entry. Returns how many went. Keeps the
   * `kept` and leaves the `growing` to be resumed. Blobs being written are left alone; one that is committed and not
   * yet recorded is not: to do it while there is work, look only at what has not changed for longer than any upload takes
   * from its last byte to its record, with `minAgeMs`.
   */
  sweep(
    fatesOf: (keys: readonly string[]) => Promise<ReadonlyMap<string, BlobFate>>,
    options?: { readonly minAgeMs?: number },
  ): Promise<number>;
  /** How a blob is gone on with by another instance; null where blobs belong to one. */
  readonly shared: SharedBlobs | null;
  /** Frees workers and descriptors. Readers and writers must have ended. */
  close(): Promise<void>;
}

/**
 * Blobs that another instance can fetch while they grow. It writes a blob of its own: whoever wrote the first may have
 * stalled and write on, under a key that nobody looks at any more.
 */
interface SharedBlobs {
  /**
   * Makes a blob of the first `sizeBytes` of another, which a `flush`, `accept` or `suspend` at that size had made durable,
   * and which stays as it is. To be gone on with, and durable so far. Rejects with `BlobMissingError` when they are not there.
   */
  takeOver(key: string, from: { readonly key: string; readonly sizeBytes: number }): Promise<BlobWriter>;
  /** Lets go of what is kept so that a blob that is being written here can be taken over at less than `sizeBytes`. */
  trim(key: string, sizeBytes: number): Promise<void>;
}

/** What the record knows a blob as: a file's master copy, or an upload that is still coming in. */
export type BlobFate = 'kept' | 'growing';

export interface BlobRange {
  /** First byte, default 0. */
  readonly start?: number;
  /** One past the last byte, default the end of the blob. */
  readonly end?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface BlobWriter {
  /** What has been written and gathered so far, what is on probation included. */
  readonly sizeBytes: number;
  /**
   * Appends. Awaiting the result is the back-pressure: memory stays at about one write batch. One call at a time.
   * After a failure the blob can only be aborted or suspended.
   */
  write(chunk: Buffer): Promise<void>;
  /** Resolves once all that was written is durable and, unless on probation, to be seen by readers. */
  flush(): Promise<void>;
  /** From here on what is written is on probation, until `accept` or `takeBack`. One at a time; flushes what came before. */
  startProbation(): Promise<void>;
  /** Ends the probation: what was written in it stays. */
  accept(): Promise<void>;
  /** Ends the probation: what was written in it is gone. */
  takeBack(): Promise<void>;
  /**
   * Lets go of the blob without ending it: `resume` goes on where `flush` had come to, or later. Takes back what is on
   * probation. Readers fail as after `abort`, and so do those that come before the resumption. Idempotent; does nothing
   * after `commit` or `abort`. When it rejects, it has let go, and what was not durable may be lost.
   */
  suspend(): Promise<void>;
  /** Rejects on probation. When it rejects, the blob is not there for good: the caller aborts. */
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
