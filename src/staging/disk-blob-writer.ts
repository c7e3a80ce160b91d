import { createHash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import type { BlobWriter, CommittedBlob } from '../core/blob-store.ts';
import { noteSpentBuffers } from '../platform/spent-buffers.ts';
import { Batch, unwritten } from './batch.ts';
import type { Growth } from './growth.ts';
import type { Hasher, HashingFile } from './hasher.ts';
import { removeMark, writeMark } from './probation-mark.ts';

/** Up to here the main thread hashes faster than it talks to the hashing thread. */
const HASHED_HERE_BYTES = 64 * 1_024;
/** So much at most is left to be synced at the end, the rest while bytes still come. */
const SYNC_AHEAD_BYTES = 64 * 2 ** 20;

export type BlobEnd = 'committed' | 'suspended' | 'aborted';

export interface DiskBlobWriterOptions {
  readonly path: string;
  readonly growth: Growth;
  readonly hasher: Hasher;
  /** Makes the name `path` durable. */
  readonly syncDirectory: () => Promise<void>;
  /** Starts a sync that nobody waits for, or says that it is not the time for one. */
  readonly syncAhead: (sync: () => Promise<void>) => boolean;
  /** Called once, when the blob's name means what the end says. */
  readonly onEnd: (end: BlobEnd) => void;
  /** The file of a blob that is resumed, without a mark. Owned by the writer from here on. */
  readonly resumed?: { readonly handle: FileHandle; readonly sizeBytes: number };
}

/** Makes the file when the first batch is full, or at a flush; a small blob holds no descriptor before its commit. */
export class DiskBlobWriter implements BlobWriter {
  readonly #options: DiskBlobWriterOptions;
  readonly #batch = new Batch();
  #file: Promise<FileHandle> | null = null;
  #hash: HashingFile | null = null;
  /** Whether there is a file that this writer may remove. */
  #isMade = false;
  #sizeBytes: number;
  #writtenBytes: number;
  #syncedBytes = 0;
  /** Rejected for good once a sync failed: the system tells of a loss once, and the next sync would succeed. */
  #synced: Promise<void> = Promise.resolve();
  #isNameDurable = false;
  /** Where the probation began; null when there is none. */
  #acceptedBytes: number | null = null;
  #isMarked = false;
  #hasEnded = false;
  #gone: Promise<void> | null = null;
  #failure: unknown = null;

  constructor(options: DiskBlobWriterOptions) {
    this.#options = options;
    const { resumed } = options;
    this.#writtenBytes = resumed?.sizeBytes ?? 0;
    this.#sizeBytes = this.#writtenBytes;
    if (resumed === undefined) return;
    this.#isMade = true;
    this.#file = Promise.resolve(resumed.handle);
    this.#show();
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  async write(chunk: Buffer): Promise<void> {
    this.#refuseAfterEnd();
    if (chunk.length === 0) return;
    this.#batch.add(chunk);
    this.#sizeBytes += chunk.length;
    if (this.#batch.isFull) await this.#attempt(() => this.#writeOut());
  }

  async flush(): Promise<void> {
    this.#refuseAfterEnd();
    await this.#attempt(() => this.#makeDurable());
  }

  async startProbation(): Promise<void> {
    if (this.#acceptedBytes !== null) throw new Error('A probation has begun already.');
    await this.flush();
    this.#acceptedBytes = this.#writtenBytes;
  }

  async accept(): Promise<void> {
    if (this.#isMarked) {
      await this.flush();
      await this.#attempt(() => this.#removeMark());
    }
    this.#acceptedBytes = null;
    await this.flush();
  }

  async takeBack(): Promise<void> {
    this.#refuseAfterEnd();
    await this.#attempt(() => this.#takeBack());
  }

  async suspend(): Promise<void> {
    if (this.#hasEnded) return this.#gone ?? undefined;
    // Also after a failure: what is in the file is right, as far as it goes.
    const left = this.#takeBack().then(() => this.#makeDurable());
    await left.catch(() => undefined);
    await this.#letGo('suspended');
    await left;
  }

  async commit(): Promise<CommittedBlob> {
    this.#refuseAfterEnd();
    if (this.#acceptedBytes !== null) throw new Error('A probation ends before the commit.');
    const sha256 = await this.#attempt(() => this.#finish());
    this.#refuseAfterEnd();
    this.#hasEnded = true;
    this.#options.onEnd('committed');
    this.#options.growth.advance(this.#sizeBytes);
    this.#options.growth.finish();
    return { sizeBytes: this.#sizeBytes, sha256 };
  }

  async abort(): Promise<void> {
    await (this.#hasEnded ? this.#gone : this.#letGo('aborted'));
  }

  #letGo(end: 'suspended' | 'aborted'): Promise<void> {
    this.#hasEnded = true;
    this.#gone ??= this.#release(end);
    return this.#gone;
  }

  async #release(end: 'suspended' | 'aborted'): Promise<void> {
    const { path, growth, onEnd } = this.#options;
    this.#batch.take();
    growth.fail();
    const file = await this.#file?.catch(() => null);
    if (end === 'suspended') this.#hash?.rest();
    else this.#hash?.drop();
    try {
      await file?.close();
      if (end === 'aborted' && this.#isMade) {
        await rm(path, { force: true });
        await removeMark(path);
      }
    } finally {
      // Last: as long as the file has its name, whoever opens it must hear that it is not complete.
      onEnd(end);
    }
  }

  /** Bytes are missing after a failed write, and nothing written later makes the blob whole. */
  #refuseAfterEnd(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#hasEnded) throw new Error('This blob is not being written any more.');
  }

  async #attempt<Result>(action: () => Promise<Result>): Promise<Result> {
    try {
      return await action();
    } catch (error) {
      this.#failure ??= error;
      throw error;
    }
  }

  #open(): Promise<FileHandle> {
    // `wx`: a key is written once, and a name planted by someone else is not followed.
    this.#file ??= open(this.#options.path, 'wx', 0o600).then((handle) => {
      this.#isMade = true;
      return handle;
    });
    return this.#file;
  }

  async #writeOut(): Promise<void> {
    if (this.#batch.sizeBytes === 0) return;
    const handle = await this.#append(this.#batch.take());
    if (this.#acceptedBytes === null) this.#show();
    this.#syncAhead(handle);
  }

  async #append(pieces: readonly Buffer[]): Promise<FileHandle> {
    const handle = await this.#open();
    if (this.#acceptedBytes !== null) await this.#mark(this.#acceptedBytes);
    for (let rest = pieces; rest.length > 0; ) {
      const { bytesWritten } = await handle.writev(rest, this.#writtenBytes);
      this.#writtenBytes += bytesWritten;
      noteSpentBuffers(bytesWritten);
      rest = unwritten(rest, bytesWritten);
    }
    return handle;
  }

  /** Lets readers and the hash have what is written. */
  #show(): HashingFile {
    const { path, growth, hasher, resumed } = this.#options;
    growth.advance(this.#writtenBytes);
    this.#hash ??= hasher.follow(path, { goesOn: resumed !== undefined });
    this.#hash.grown(this.#writtenBytes);
    return this.#hash;
  }

  #syncAhead(handle: FileHandle): void {
    if (this.#writtenBytes - this.#syncedBytes < SYNC_AHEAD_BYTES) return;
    if (this.#options.syncAhead(() => this.#sync(handle))) this.#syncedBytes = this.#writtenBytes;
  }

  #sync(handle: FileHandle): Promise<void> {
    this.#synced = this.#synced.then(() => handle.datasync());
    return this.#synced;
  }

  async #makeDurable(): Promise<void> {
    await this.#writeOut();
    const handle = await this.#open();
    if (this.#acceptedBytes === null) this.#show();
    await this.#sync(handle);
    if (!this.#isNameDurable) await this.#options.syncDirectory();
    this.#isNameDurable = true;
  }

  async #mark(acceptedBytes: number): Promise<void> {
    if (this.#isMarked) return;
    this.#isMarked = true;
    await writeMark(this.#options.path, acceptedBytes);
    await this.#options.syncDirectory();
  }

  async #removeMark(): Promise<void> {
    await removeMark(this.#options.path);
    this.#isMarked = false;
    this.#isNameDurable = false;
  }

  async #takeBack(): Promise<void> {
    if (this.#acceptedBytes === null) return;
    this.#batch.take();
    this.#sizeBytes = this.#acceptedBytes;
    if (this.#isMarked) {
      const handle = await this.#open();
      await handle.truncate(this.#acceptedBytes);
      await this.#sync(handle);
      await this.#removeMark();
    }
    this.#writtenBytes = this.#acceptedBytes;
    this.#acceptedBytes = null;
  }

  async #finish(): Promise<string> {
    const isSmall = this.#file === null && this.#sizeBytes <= HASHED_HERE_BYTES;
    const pieces = this.#batch.take();
    const handle = await this.#append(pieces);
    const synced = this.#sync(handle);
    const hashed = isSmall ? Promise.resolve(hashOf(pieces)) : this.#show().finish(this.#writtenBytes);
    // The hash may fail while the syncs below are awaited; it is looked at right after.
    hashed.catch(() => undefined);
    await synced;
    await Promise.all([handle.close(), this.#options.syncDirectory()]);
    return await hashed;
  }
}

const hashOf = (pieces: readonly Buffer[]): string => {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
};
