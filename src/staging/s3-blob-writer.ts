import type { BlobRange, BlobWriter, CommittedBlob } from '../core/blob-store.ts';
import type { BlobEnd } from './disk-blob-writer.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { objectName, removeTails, tailName } from './s3-objects.ts';
import type { PartUploads } from './s3-part-uploads.ts';
import { collect } from './s3-read.ts';
import { encodeTail } from './s3-tail.ts';

export interface S3BlobWriterOptions {
  /** Stages the bytes on the local disk, where readers, hash and upload follow them. Owned from here on. */
  readonly local: BlobWriter;
  readonly readLocal: (range: BlobRange) => AsyncIterable<Buffer>;
  readonly removeLocal: () => Promise<void>;
  readonly bucket: S3Bucket;
  readonly parts: PartUploads;
  readonly key: string;
  readonly writerId: string;
  /** At which sizes the bucket has a tail of a resumed blob. */
  readonly tails: readonly number[];
  /** How much the bucket has of it to go on from; null when nothing, or not as it should be. */
  readonly durableBytes: number | null;
  /** Called once, when the blob is to be read as the end says. */
  readonly onEnd: (end: BlobEnd, sizeBytes: number) => void;
}

/** A blob that is staged on the local disk and grows in the bucket behind it. What `flush` made durable is in the bucket. */
export class S3BlobWriter implements BlobWriter {
  readonly #options: S3BlobWriterOptions;
  #durableBytes: number | null;
  /** Sizes of which the bucket may have a tail. */
  readonly #tails: Set<number>;
  /** Where the probation began; null when there is none. */
  #acceptedBytes: number | null = null;
  #isStaged = false;
  #isCommitted = false;
  #gone: Promise<void> | null = null;
  #failure: unknown = null;

  constructor(options: S3BlobWriterOptions) {
    this.#options = options;
    this.#durableBytes = options.durableBytes;
    this.#tails = new Set(options.tails);
  }

  get sizeBytes(): number {
    return this.#options.local.sizeBytes;
  }

  /** Whether the bucket may have something to go on with besides the object. */
  get mayHaveTails(): boolean {
    return this.#tails.size > 0;
  }

  /** Removes what would only be needed to go on from less than `sizeBytes`. */
  async trim(sizeBytes: number): Promise<void> {
    const { bucket, key } = this.#options;
    const gone = [...this.#tails].filter((bytes) => bytes < sizeBytes);
    await removeTails(bucket, key, gone);
    for (const bytes of gone) this.#tails.delete(bytes);
  }

  async write(chunk: Buffer): Promise<void> {
    this.#failure ??= this.#options.parts.failure;
    this.#refuseAfterEnd();
    await this.#attempt(() => this.#options.local.write(chunk));
  }

  async flush(): Promise<void> {
    this.#refuseAfterEnd();
    await this.#attempt(async () => {
      await this.#options.local.flush();
      await this.#save();
    });
  }

  async startProbation(): Promise<void> {
    if (this.#acceptedBytes !== null) throw new Error('A probation has begun already.');
    await this.flush();
    await this.#attempt(() => this.#options.local.startProbation());
    this.#acceptedBytes = this.sizeBytes;
  }

  async accept(): Promise<void> {
    this.#refuseAfterEnd();
    await this.#attempt(() => this.#options.local.accept());
    this.#acceptedBytes = null;
    await this.flush();
  }

  async takeBack(): Promise<void> {
    this.#refuseAfterEnd();
    await this.#attempt(() => this.#options.local.takeBack());
    this.#acceptedBytes = null;
  }

  async suspend(): Promise<void> {
    if (this.#isCommitted) return;
    this.#gone ??= this.#suspend();
    await this.#gone;
  }

  async commit(): Promise<CommittedBlob> {
    this.#refuseAfterEnd();
    if (this.#acceptedBytes !== null) throw new Error('A probation ends before the commit.');
    const committed = await this.#attempt(() => this.#finish());
    this.#refuseAfterEnd();
    this.#isCommitted = true;
    this.#options.onEnd('committed', committed.sizeBytes);
    return committed;
  }

  async abort(): Promise<void> {
    if (this.#isCommitted) return;
    this.#gone ??= this.#abort();
    await this.#gone;
  }

  #refuseAfterEnd(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#isCommitted || this.#gone !== null) throw new Error('This blob is not being written any more.');
  }

  async #attempt<Result>(action: () => Promise<Result>): Promise<Result> {
    try {
      return await action();
    } catch (error) {
      this.#failure ??= error;
      throw error;
    }
  }

  /** Puts what is readable of the blob into the bucket: whole parts, and the tail as an object of its own. */
  async #save(): Promise<void> {
    const { bucket, parts, writerId, key, readLocal } = this.#options;
    const sizeBytes = this.#acceptedBytes ?? this.sizeBytes;
    if (sizeBytes === this.#durableBytes) return;
    const { startBytes, ...sent } = await parts.upTo(sizeBytes);
    await parts.withMemory(async () => {
      const bytes = await collect(readLocal({ start: startBytes, end: sizeBytes }), sizeBytes - startBytes);
      this.#tails.add(sizeBytes);
      await bucket.put(tailName(key, sizeBytes), encodeTail({ writerId, ...sent, startBytes, bytes }));
    });
    this.#durableBytes = sizeBytes;
  }

  async #finish(): Promise<CommittedBlob> {
    const { local, parts } = this.#options;
    const committed = await local.commit();
    this.#isStaged = true;
    // Its tails stay until a record names it: until then another instance may have to go on from them.
    await parts.finish(committed.sizeBytes);
    return committed;
  }

  async #suspend(): Promise<void> {
    const { local, parts, onEnd } = this.#options;
    const saved = this.#saveLast();
    await saved.catch(() => undefined);
    await parts.stop();
    await local.suspend().finally(() => onEnd('suspended', this.sizeBytes));
    await saved;
  }

  async #saveLast(): Promise<void> {
    const { local } = this.#options;
    if (!this.#isStaged) {
      await local.takeBack();
      this.#acceptedBytes = null;
      await local.flush();
    }
    await this.#save();
  }

  async #abort(): Promise<void> {
    const { local, removeLocal, onEnd } = this.#options;
    try {
      await this.#clearBucket();
      if (this.#isStaged) await removeLocal();
      else await local.abort();
    } catch (error) {
      // What stays on the local disk is what the next start's sweep finds the rest by.
      await local.suspend().catch(() => undefined);
      throw error;
    } finally {
      onEnd('aborted', this.sizeBytes);
    }
  }

  async #clearBucket(): Promise<void> {
    const { bucket, parts, key } = this.#options;
    await parts.cancel();
    await removeTails(bucket, key, [...this.#tails]);
    if (parts.mayHaveObject) await bucket.remove(objectName(key));
  }
}
