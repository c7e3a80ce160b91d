import { BlobAbortedError } from '../core/blob-store.ts';

/**
 * How far a blob has grown, shared by its one writer and its readers in this process. Readers wait on
 * `beyond`; the writer reports with `advance` and ends with `finish` or `fail`.
 */
export class Growth {
  #sizeBytes = 0;
  #state: 'growing' | 'finished' | 'failed' = 'growing';
  #waiting: (() => void)[] = [];

  advance(sizeBytes: number): void {
    this.#sizeBytes = sizeBytes;
    this.#wake();
  }

  finish(): void {
    this.#state = 'finished';
    this.#wake();
  }

  fail(): void {
    this.#state = 'failed';
    this.#wake();
  }

  throwIfFailed(): void {
    if (this.#state === 'failed') throw new BlobAbortedError('The writer of this blob gave up.');
  }

  /**
   * Resolves with the readable size once it is more than `offset`, or with the final size once the blob is
   * finished. Rejects with `BlobAbortedError` when the writer gave up, or with the signal's reason.
   */
  async beyond(offset: number, signal?: AbortSignal): Promise<number> {
    while (true) {
      signal?.throwIfAborted();
      this.throwIfFailed();
      if (this.#sizeBytes > offset || this.#state === 'finished') return this.#sizeBytes;
      await this.#change(signal);
    }
  }

  async #change(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#waiting.push(wake);
    signal?.addEventListener('abort', wake, { once: true });
    await promise;
    signal?.removeEventListener('abort', wake);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }
}
