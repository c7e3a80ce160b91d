/**
 * The hashing worker: follows growing files by reading them from the page cache. That costs the main
 * thread one small message per write batch and no copy of the bytes; measured, it beats handing buffers
 * over or sharing memory (`docs/decisions/0004-staging.md`).
 */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { HashReply, HashRequest } from './hash-protocol.ts';

interface Progress {
  readonly hash: Hash;
  /** What of the file is in the hash. */
  offset: number;
}

interface Following extends Progress {
  readonly path: string;
  readonly descriptor: number;
  /** How far the file may be read. */
  sizeBytes: number;
  isFinishing: boolean;
}

/** Some hundred bytes each. Who is forgotten is only hashed from the start again. */
const MOST_RESTING = 10_000;

const following = new Map<number, Following>();
/** Those with bytes to be read, each getting one buffer's worth in turn. */
const due = new Set<number>();
/** By path, the one laid to rest longest ago first. */
const resting = new Map<string, Progress>();
const buffer = Buffer.allocUnsafeSlow(2 ** 20);

const open = ({ id, path, goesOn }: HashRequest & { kind: 'open' }): void => {
  const progress = goesOn ? resting.get(path) : undefined;
  resting.delete(path);
  following.set(id, {
    ...(progress ?? { hash: createHash('sha256'), offset: 0 }),
    path,
    descriptor: openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW),
    sizeBytes: 0,
    isFinishing: false,
  });
};

const drop = (id: number): Following | undefined => {
  const file = following.get(id);
  due.delete(id);
  following.delete(id);
  if (file !== undefined) closeSync(file.descriptor);
  return file;
};

const rest = (id: number): void => {
  const file = drop(id);
  if (file === undefined) return;
  resting.set(file.path, { hash: file.hash, offset: file.offset });
  const [oldest] = resting.keys();
  if (resting.size > MOST_RESTING && oldest !== undefined) resting.delete(oldest);
};

const readOn = (id: number, file: Following): void => {
  const length = Math.min(buffer.length, file.sizeBytes - file.offset);
  if (length > 0) {
    const read = readSync(file.descriptor, buffer, 0, length, file.offset);
    if (read === 0) throw new Error(`A staged file ended at ${file.offset} of ${file.sizeBytes} bytes.`);
    file.hash.update(buffer.subarray(0, read));
    file.offset += read;
  }
  if (file.offset < file.sizeBytes) due.add(id);
  else if (file.isFinishing) {
    drop(id);
    reply({ id, sha256: file.hash.digest('hex') });
  }
};

const reply = (message: HashReply): void => parentPort?.postMessage(message);

const attempt = (id: number, action: () => void): void => {
  try {
    action();
  } catch (error) {
    drop(id);
    reply({ id, error: error as Error });
  }
};

let isWorking = false;
const work = (): void => {
  const [id] = due;
  isWorking = id !== undefined;
  if (id === undefined) return;
  due.delete(id);
  const file = following.get(id);
  if (file !== undefined) attempt(id, () => readOn(id, file));
  // So that what is told meanwhile is heard between two pieces.
  setImmediate(work);
};

const grow = (id: number, sizeBytes: number, isFinishing: boolean): void => {
  const file = following.get(id);
  if (file === undefined) throw new Error('This file is not being followed.');
  file.sizeBytes = sizeBytes;
  file.isFinishing = isFinishing;
  due.add(id);
  if (!isWorking) work();
};

parentPort?.on('message', (request: HashRequest) => {
  const { id } = request;
  attempt(id, () => {
    if (request.kind === 'open') open(request);
    else if (request.kind === 'rest') rest(id);
    else if (request.kind === 'drop') drop(id);
    else grow(id, request.sizeBytes, request.kind === 'finish');
  });
});
