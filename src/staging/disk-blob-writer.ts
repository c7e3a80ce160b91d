import { type FileHandle, open, rm } from 'node:fs/promises';
import type { BlobWriter, CommittedBlob } from '../core/blob-store.ts';
import { Growth } from './growth.ts';
import type { HashingFile } from './hasher.ts';

/** One `writev` per this many bytes: measured 2 to 3 times cheaper than a write per network read. */
const BATCH_BYTES = 2 ** 20;

export interface DiskBlobWriterOptions {
  readonly path: string;
  /** Open for writing, empty. Owned by the writer from here on. */
  readonly handle: FileHandle;
  /** Follows `path`. Owned by the writer from here on. */
  readonly hash: HashingFile;
  /** The directory of `path`, synced on commit so that the name is as durable as the bytes. */
  readonly directory: string;
}

export class DiskBlobWriter implements BlobWriter {
  readonly growth = new Growth();
  readonly #options: DiskBlobWriterOptions;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #sizeBytes = 0;
  #ended = false;
  #failure: unknown = null;
  #onEnd: () => void = () => undefined;

  constructor(options: DiskBlobWriterOptions) {
    this.#options = options;
  }

  /** Calls back once, after commit or abort. */
  onEnd(callback: () => void): void {
    this.#onEnd = callback;
  }

  async write(chunk: Buffer): Promise<void> {
    this.#refuseAfterFailure();
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes >= BATCH_BYTES) await this.#flush();
  }

  async commit(): Promise<CommittedBlob> {
    const { handle, hash, directory } = this.#options;
    this.#refuseAfterFailure();
    await this.#flush();
    const hashed = hash.finish(this.#sizeBytes);
    // The hash may fail while the sync below is awaited; it is looked at right after.
    hashed.catch(() => undefined);
    await handle.sync();
    await handle.close();
    await syncDirectory(directory);
    const sha256 = await hashed;
    this.#ended = true;
    this.#onEnd();
    this.growth.finish();
    return { sizeBytes: this.#sizeBytes, sha256 };
  }

  async abort(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const { handle, hash, path } = this.#options;
    this.growth.fail();
    hash.drop();
    await handle.close();
    await rm(path, { force: true });
    // Last: as long as the file has its name, whoever opens it must hear that it is not complete.
    this.#onEnd();
  }

  /** Bytes are missing after a failed write, and nothing written later makes the blob whole. */
  #refuseAfterFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  async #flush(): Promise<void> {
    if (this.#pendingBytes === 0) return;
    let batch = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    while (batch.length > 0) {
      const { bytesWritten } = await this.#options.handle
        .writev(batch, this.#sizeBytes)
        .catch((error: unknown) => {
          this.#failure = error;
          throw error;
        });
      this.#sizeBytes += bytesWritten;
      batch = unwritten(batch, bytesWritten);
    }
    this.growth.advance(this.#sizeBytes);
    this.#options.hash.grown(this.#sizeBytes);
  }
}

/** `writev` may write less than it was given, for example when the disk fills up. */
const unwritten = (batch: readonly Buffer[], bytesWritten: number): Buffer[] => {
  let skip = bytesWritten;
  const rest: Buffer[] = [];
  for (const buffer of batch) {
    if (skip >= buffer.length) skip -= buffer.length;
    else {
      rest.push(skip === 0 ? buffer : buffer.subarray(skip));
      skip = 0;
    }
  }
  return rest;
};

const syncDirectory = async (directory: string): Promise<void> => {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};
