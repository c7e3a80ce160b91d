import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BlobAbortedError } from '../core/blob-store.ts';
import { type BlobEnd, DiskBlobWriter, type DiskBlobWriterOptions } from './disk-blob-writer.ts';
import { Growth } from './growth.ts';
import { createHasher, type Hasher } from './hasher.ts';

const MIB = 2 ** 20;
let directory: string;
let path: string;
let growth: Growth;
let ends: BlobEnd[];
let hasher: Hasher;
let thread: Worker;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'blob-writer-'));
  path = join(directory, 'blob');
  ends = [];
  const started = once(process, 'worker');
  hasher = createHasher();
  [thread] = await started;
});

afterEach(async () => {
  await hasher.close();
  rmSync(directory, { recursive: true, force: true });
});

const begin = (options: Partial<DiskBlobWriterOptions> = {}): DiskBlobWriter => {
  growth = new Growth();
  return new DiskBlobWriter({
    path,
    growth,
    hasher,
    syncDirectory: async () => undefined,
    syncAhead: () => false,
    onEnd: (end) => ends.push(end),
    ...options,
  });
};

/** A blob gone on with, on a device that stands in for a disk without room. */
const beginOnFullDisk = async (): Promise<DiskBlobWriter> => {
  await (await open(path, 'wx')).close();
  return begin({ resumed: { handle: await open('/dev/full', 'w'), sizeBytes: 0 } });
};

/** How many descriptors of this process are of the file. */
const openDescriptors = (): number =>
  readdirSync('/proc/self/fd').filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`) === path;
    } catch {
      return false;
    }
  }).length;

describe('the writer of a blob', () => {
  it('makes no file before the first batch is full, and then hands small writes on in order', async () => {
    const writer = begin();
    const pieces = Array.from({ length: 1_000 }, (_, n) => Buffer.from(`piece ${n};`));
    for (const piece of pieces) await writer.write(piece);
    expect(existsSync(path)).toBe(false);
    expect((await writer.commit()).sizeBytes).toBe(Buffer.concat(pieces).length);
    expect(readFileSync(path).equals(Buffer.concat(pieces))).toBe(true);
    expect(openDescriptors()).toBe(0);
  });

  it('does not gather tiny pieces without end', async () => {
    const writer = begin();
    for (let n = 0; n < 2_000; n += 1) await writer.write(Buffer.from('x'));
    expect(readFileSync(path).length).toBe(1_024);
    await writer.abort();
  });

  it('can only be ended after a write that failed, and never commits what is there', async () => {
    const writer = await beginOnFullDisk();
    await expect(writer.write(Buffer.alloc(MIB))).rejects.toMatchObject({ code: 'ENOSPC' });
    for (const refused of [writer.write(Buffer.alloc(1)), writer.flush(), writer.commit()])
      await expect(refused).rejects.toMatchObject({ code: 'ENOSPC' });
    await writer.abort();
    expect(existsSync(path)).toBe(false);
  });

  it('lets go of everything when a suspension fails, and says so', async () => {
    const writer = await beginOnFullDisk();
    await writer.write(Buffer.from('gathered'));
    await expect(writer.suspend()).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(growth.beyond(0)).rejects.toBeInstanceOf(BlobAbortedError);
    expect(ends).toEqual(['suspended']);
    expect(existsSync(path)).toBe(true);
  });

  it('leaves alone a file of its name that another one made', async () => {
    await (await open(path, 'wx')).close();
    const writer = begin();
    await writer.write(Buffer.from('x'));
    await expect(writer.commit()).rejects.toMatchObject({ code: 'EEXIST' });
    await writer.abort();
    expect(existsSync(path)).toBe(true);
  });

  it('holds no descriptor after a suspension, nor does the hashing thread', async () => {
    const writer = begin();
    await writer.write(Buffer.alloc(3 * MIB, 'x'));
    await expect.poll(openDescriptors).toBeGreaterThan(0);
    await writer.suspend();
    await expect.poll(openDescriptors).toBe(0);
    expect(readFileSync(path).length).toBe(3 * MIB);
  });

  it('syncs ahead of the end, and hears of it there when that failed', async () => {
    const lost = new Error('lost');
    let ahead = 0;
    const syncAhead = (sync: () => Promise<void>): boolean => {
      ahead += 1;
      void sync().catch(() => undefined);
      return true;
    };
    const writer = begin({ syncAhead });
    for (let n = 0; n < 65; n += 1) await writer.write(Buffer.alloc(MIB, 'x'));
    expect(ahead).toBe(1);
    await writer.abort();
    const handle = await open(path, 'wx');
    handle.datasync = () => Promise.reject(lost);
    const unlucky = begin({ syncAhead, resumed: { handle, sizeBytes: 0 } });
    for (let n = 0; n < 65; n += 1) await unlucky.write(Buffer.alloc(MIB, 'x'));
    handle.datasync = async () => undefined;
    await expect(unlucky.flush()).rejects.toBe(lost);
    await expect(unlucky.suspend()).rejects.toBe(lost);
  });

  it.each([
    ['the file shrinks', async () => truncateSync(path, 10)],
    ['the hashing thread dies', async () => void (await thread.terminate())],
  ])('does not commit when %s; readers hear of it with the abort', async (_, harm) => {
    const writer = begin();
    const waiting = growth.beyond(5 * MIB).catch((error: unknown) => error);
    await writer.flush();
    await harm();
    await writer.write(Buffer.alloc(2 * MIB, 'x'));
    await harm();
    await expect(writer.commit()).rejects.toBeInstanceOf(Error);
    await writer.abort();
    expect(await waiting).toBeInstanceOf(BlobAbortedError);
    expect(existsSync(path)).toBe(false);
  });

  it.each(['commit', 'suspend', 'abort'] as const)('calls back once after %s', async (end) => {
    const writer = begin();
    await writer.write(Buffer.from('x'));
    await writer[end]();
    await writer.suspend();
    await writer.abort();
    expect(ends).toEqual([{ commit: 'committed', suspend: 'suspended', abort: 'aborted' }[end]]);
    expect(existsSync(path)).toBe(end !== 'abort');
    await expect(writer.write(Buffer.from('y'))).rejects.toThrow('not being written');
  });
});
