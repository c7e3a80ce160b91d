import type { BlobRange, BlobWriter, CommittedBlob } from '../core/blob-store.ts';
import type { BlobEnd } from './disk-blob-writer.ts';
import type { S3Bucket } from './s3-bucket.ts';
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
  /** Names of the object that becomes of the blob, and of the one that has its tail until then. */
  readonly objectName: string;
  readonly tailName: string;
  readonly writerId: string;
  /** How much the bucket has of a resumed blob; null when nothing, as of a new one. */
  readonly durableBytes: number | null;
  /** Whether another instance has gone on with the blob and committed it. */
  readonly isDoneElsewhere: () => Promise<boolean>;
  /** Called once, when the blob is to be read as the end says. */
  readonly onEnd: (end: BlobEnd, sizeBytes: number) => void;
}

/** A blob that is staged on the local disk and grows in the bucket behind it. What `flush` made durable is in the bucket. */
export class S3BlobWriter implements BlobWriter {
  readonly #options: S3BlobWriterOptions;
  #durableBytes: number | null;
  #mayHaveTail: boolean;
  /** Where the probation began; null when there is none. */
  #acceptedBytes: number | null = null;
  #isStaged = false;
  #isCommitted = false;
  #gone: Promise<void> | null = null;
  #failure: unknown = null;

  constructor(options: S3BlobWriterOptions) {
    this.#options = options;
    this.#durableBytes = options.durableBytes;
    this.#mayHaveTail = options.durableBytes !== null;
  }

  get sizeBytes(): number {
    return this.#options.local.sizeBytes;
  }

  /** Whether all of it is in the bucket, where another instance may have gone on with it. */
  get isAtRest(): boolean {
    return this.#gone === null && this.sizeBytes === this.#durableBytes;
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
    const { bucket, parts, writerId, tailName, readLocal } = this.#options;
    const sizeBytes = this.#acceptedBytes ?? this.sizeBytes;
    if (sizeBytes === this.#durableBytes) return;
    const { startBytes, ...sent } = await parts.upTo(sizeBytes);
    await parts.withMemory(async () => {
      const bytes = await collect(readLocal({ start: startBytes, end: sizeBytes }), sizeBytes - startBytes);
      this.#mayHaveTail = true;
      await bucket.put(tailName, encodeTail({ writerId, ...sent, startBytes, bytes }));
    });
    this.#durableBytes = sizeBytes;
  }

  async #finish(): Promise<CommittedBlob> {
    const { local, parts, bucket, tailName } = this.#options;
    const committed = await local.commit();
    this.#isStaged = true;
    await parts.finish(committed.sizeBytes);
    // As long as there is a tail, a blob passes for growing.
    if (this.#mayHaveTail) await bucket.remove(tailName);
    return committed;
  }

  async #suspend(): Promise<void> {
    const { local, parts, onEnd } = this.#options;
    const saved = this.#saveLast();
    await saved.catch(() => undefined);
    await parts.stop();
    let end: BlobEnd = 'suspended';
    try {
      await local.suspend();
      if (await this.#options.isDoneElsewhere()) {
        await this.#options.removeLocal();
        end = 'aborted';
      }
    } finally {
      onEnd(end, this.sizeBytes);
    }
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
    const { bucket, parts, objectName, tailName } = this.#options;
    await parts.cancel();
    if (this.#mayHaveTail) await bucket.remove(tailName);
    if (parts.mayHaveObject) await bucket.remove(objectName);
  }
}
