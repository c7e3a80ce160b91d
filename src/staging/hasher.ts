import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { HashReply, HashRequest } from './hash-protocol.ts';

/** Hashes growing files off the main thread. */
export interface Hasher {
  /** Follows the file at `path`, which must exist. End with `finish` or `drop`. */
  follow(path: string): HashingFile;
  close(): Promise<void>;
}

export interface HashingFile {
  /** Tells how much may be read so far. */
  grown(sizeBytes: number): void;
  /** Resolves with the SHA-256 of the first `sizeBytes` bytes as lower-case hex. */
  finish(sizeBytes: number): Promise<string>;
  drop(): void;
}

interface Waiting {
  resolve(sha256: string): void;
  reject(error: Error): void;
}

/** Starts one worker thread. A fault of the thread fails what it was hashing; the next file gets a new thread. */
export const createHasher = (): Hasher => {
  const waiting = new Map<number, Waiting>();
  const failed = new Map<number, Error>();
  let lastId = 0;

  const settle = (reply: HashReply): void => {
    const waiter = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ('sha256' in reply) waiter?.resolve(reply.sha256);
    else if (waiter === undefined) failed.set(reply.id, reply.error);
    else waiter.reject(reply.error);
  };

  const start = (): Worker => {
    const started = new Worker(new URL(`./hash-worker${extname(import.meta.filename)}`, import.meta.url));
    started.unref();
    started.on('message', settle);
    started.on('error', (error) => {
      if (worker === started) worker = null;
      for (const id of waiting.keys()) settle({ id, error: error as Error });
    });
    return started;
  };

  // Started ahead of need: a thread takes tens of milliseconds to come up.
  let worker: Worker | null = start();

  const tell = (request: HashRequest): void => {
    worker ??= start();
    worker.postMessage(request);
  };

  return {
    follow: (path) => {
      lastId += 1;
      const id = lastId;
      tell({ id, kind: 'open', path });
      return {
        grown: (sizeBytes) => tell({ id, kind: 'grown', sizeBytes }),
        finish: (sizeBytes) =>
          new Promise((resolve, reject) => {
            const error = failed.get(id);
            failed.delete(id);
            if (error !== undefined) return reject(error);
            waiting.set(id, { resolve, reject });
            tell({ id, kind: 'finish', sizeBytes });
          }),
        drop: () => {
          failed.delete(id);
          tell({ id, kind: 'drop' });
        },
      };
    },
    close: async () => {
      await worker?.terminate();
      worker = null;
    },
  };
};
