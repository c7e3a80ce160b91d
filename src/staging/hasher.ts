import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { HashReply, HashRequest } from './hash-protocol.ts';

/** Hashes growing files off the main thread. */
export interface Hasher {
  /**
   * Follows the file at `path`, which must exist. End with `finish`, `rest` or `drop`. `goesOn` says that it is the file
   * last laid to rest under this path, if there was one: then it is not read from the start again.
   */
  follow(path: string, options?: { readonly goesOn: boolean }): HashingFile;
  close(): Promise<void>;
}

export interface HashingFile {
  /** Tells how much may be read so far. */
  grown(sizeBytes: number): void;
  /** Resolves with the SHA-256 of the first `sizeBytes` bytes as lower-case hex. */
  finish(sizeBytes: number): Promise<string>;
  /** Lets go of the file, to be gone on with. */
  rest(): void;
  drop(): void;
}

/** Starts one worker thread. When the thread dies, what it was hashing fails; the next file gets a new thread. */
export const createHasher = (): Hasher => {
  /** The outcome of every file that is followed and not yet dropped or hashed. */
  const outcomes = new Map<number, PromiseWithResolvers<string>>();
  let lastId = 0;

  const settle = (reply: HashReply): void => {
    const outcome = outcomes.get(reply.id);
    outcomes.delete(reply.id);
    if ('sha256' in reply) outcome?.resolve(reply.sha256);
    else outcome?.reject(reply.error);
  };

  const start = (): Worker => {
    const started = new Worker(new URL(`./hash-worker${extname(import.meta.filename)}`, import.meta.url));
    started.unref();
    started.on('message', settle);
    const died = (error: Error): void => {
      // `exit` follows `error`, when a new thread may be at work already.
      if (worker !== started) return;
      worker = null;
      for (const id of outcomes.keys()) settle({ id, error });
    };
    started.on('error', (error) => died(error as Error));
    started.on('exit', () => died(new Error('The hashing thread ended.')));
    return started;
  };

  // Started ahead of need: a thread takes tens of milliseconds to come up.
  let worker: Worker | null = start();

  const tell = (request: HashRequest): void => {
    worker ??= start();
    worker.postMessage(request);
  };

  return {
    follow: (path, { goesOn } = { goesOn: false }) => {
      lastId += 1;
      const id = lastId;
      const outcome = Promise.withResolvers<string>();
      // A failure before `finish` is told by `finish`.
      outcome.promise.catch(() => undefined);
      tell({ id, kind: 'open', path, goesOn });
      outcomes.set(id, outcome);
      const tellOfFollowed = (request: HashRequest): void => {
        if (outcomes.has(id)) tell(request);
      };
      const end = (kind: 'rest' | 'drop'): void => {
        tellOfFollowed({ id, kind });
        outcomes.delete(id);
        outcome.reject(new Error('The file is not being hashed any more.'));
      };
      return {
        grown: (sizeBytes) => tellOfFollowed({ id, kind: 'grown', sizeBytes }),
        finish: (sizeBytes) => {
          tellOfFollowed({ id, kind: 'finish', sizeBytes });
          return outcome.promise;
        },
        rest: () => end('rest'),
        drop: () => end('drop'),
      };
    },
    close: async () => {
      await worker?.terminate();
      worker = null;
    },
  };
};
