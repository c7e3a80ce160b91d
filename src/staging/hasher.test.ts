import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHasher, type Hasher } from './hasher.ts';

let directory: string;
let hasher: Hasher;
/** The threads of the hasher, the oldest first. */
let threads: Worker[];
const note = (worker: Worker): void => void threads.push(worker);

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hasher-'));
  threads = [];
  process.on('worker', note);
  const started = once(process, 'worker');
  hasher = createHasher();
  await started;
});

afterEach(async () => {
  process.off('worker', note);
  await hasher.close();
  rmSync(directory, { recursive: true, force: true });
});

const bytes = Buffer.from('some bytes that are to be hashed');
const sha256 = createHash('sha256').update(bytes).digest('hex');
const write = (name: string): string => {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
};
const killThread = async (): Promise<void> => {
  expect(threads).toHaveLength(1);
  await threads[0]?.terminate();
};

describe('the hasher', () => {
  it('hashes many files side by side, told of their growth or not', async () => {
    const files = Array.from({ length: 20 }, (_, n) => hasher.follow(write(`${n}`)));
    for (const [n, file] of files.entries()) if (n % 2 === 0) file.grown(n);
    expect(await Promise.all(files.map((file) => file.finish(bytes.length)))).toEqual(
      files.map(() => sha256),
    );
    expect(threads).toHaveLength(1);
  });

  it('fails a file that is shorter than it was said to be, at the end or before', async () => {
    const early = hasher.follow(write('early'));
    early.grown(bytes.length + 1);
    await expect(early.finish(bytes.length + 1)).rejects.toThrow('ended at');
    const path = write('late');
    const late = hasher.follow(path);
    truncateSync(path, 3);
    await expect(late.finish(bytes.length)).rejects.toThrow('ended at');
  });

  it('fails a file that is not there', async () => {
    await expect(hasher.follow(join(directory, 'missing')).finish(1)).rejects.toThrow('ENOENT');
  });

  it('fails what it was hashing when its thread ends, and hashes the next file in a new one', async () => {
    const lost = hasher.follow(write('lost'));
    lost.grown(5);
    await killThread();
    await expect(lost.finish(bytes.length)).rejects.toThrow('thread');
    expect(await hasher.follow(write('next')).finish(bytes.length)).toBe(sha256);
    expect(threads).toHaveLength(2);
  });

  it('fails who is waiting for a hash when the thread ends, and does not fail those of the new thread', async () => {
    const waiting = Array.from({ length: 200 }, (_, n) => hasher.follow(write(`${n}`)).finish(bytes.length));
    const settled = Promise.allSettled(waiting);
    await killThread();
    const next = hasher.follow(write('next')).finish(bytes.length);
    for (const outcome of await settled) {
      if (outcome.status === 'fulfilled') expect(outcome.value).toBe(sha256);
      else expect(String(outcome.reason)).toContain('thread');
    }
    expect(await next).toBe(sha256);
  });

  it('forgets a dropped file, and is not disturbed by what is still told of it', async () => {
    const file = hasher.follow(write('dropped'));
    file.drop();
    file.grown(3);
    file.drop();
    expect(await hasher.follow(write('next')).finish(bytes.length)).toBe(sha256);
  });

  it('goes on with a file laid to rest from where it was, unless it is another file', async () => {
    const path = write('resting');
    const first = hasher.follow(path);
    first.grown(20);
    // Answered after what was told before has been done.
    await hasher.follow(write('other')).finish(1);
    first.rest();
    // Read from the start again, it would have another hash.
    writeFileSync(path, Buffer.concat([Buffer.alloc(20, '!'), bytes.subarray(20)]));
    const second = hasher.follow(path, { goesOn: true });
    second.rest();
    expect(await hasher.follow(path, { goesOn: true }).finish(bytes.length)).toBe(sha256);
    writeFileSync(path, bytes);
    const third = hasher.follow(path);
    third.grown(20);
    third.rest();
    expect(await hasher.follow(path).finish(bytes.length)).toBe(sha256);
    expect(await hasher.follow(path, { goesOn: true }).finish(bytes.length)).toBe(sha256);
  });

  it('serves a small file while a large one is being hashed', async () => {
    const path = join(directory, 'large');
    writeFileSync(path, '');
    truncateSync(path, 256 * 2 ** 20);
    const order: string[] = [];
    const large = hasher.follow(path).finish(256 * 2 ** 20);
    const small = hasher.follow(write('small')).finish(bytes.length);
    await Promise.all([large.then(() => order.push('large')), small.then(() => order.push('small'))]);
    expect(order).toEqual(['small', 'large']);
  });

  it('rejects for a file that is dropped while its hash is awaited', async () => {
    const file = hasher.follow(write('awaited'));
    const awaited = file.finish(bytes.length);
    file.drop();
    await expect(awaited).rejects.toThrow('not being hashed');
  });
});
