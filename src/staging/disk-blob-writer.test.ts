import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BlobAbortedError } from '../core/blob-store.ts';
import { DiskBlobWriter } from './disk-blob-writer.ts';
import { createHasher, type Hasher } from './hasher.ts';

const MIB = 2 ** 20;
let directory: string;
let path: string;
let hasher: Hasher;
let thread: Worker;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'blob-writer-'));
  path = join(directory, 'blob');
  const started = once(process, 'worker');
  hasher = createHasher();
  [thread] = await started;
});

afterEach(async () => {
  await hasher.close();
  rmSync(directory, { recursive: true, force: true });
});

const begin = async (target = path): Promise<DiskBlobWriter> => {
  // The file that the hasher follows is there either way; a device stands in for a disk without room.
  const handle: FileHandle = await open(path, 'wx', 0o600);
  if (target === path) return new DiskBlobWriter({ path, handle, hash: hasher.follow(path), directory });
  await handle.close();
  const full = await open(target, 'w');
  return new DiskBlobWriter({ path, handle: full, hash: hasher.follow(path), directory });
};

describe('the writer of a blob', () => {
  it('hands small writes on in batches, in order, and all of them at the commit', async () => {
    const writer = await begin();
    const pieces = Array.from({ length: 5_000 }, (_, n) => Buffer.from(`piece ${n};`));
    for (const piece of pieces) await writer.write(piece);
    expect(readFileSync(path).length).toBe(0);
    expect((await writer.commit()).sizeBytes).toBe(Buffer.concat(pieces).length);
    expect(readFileSync(path).equals(Buffer.concat(pieces))).toBe(true);
  });

  it('can only be aborted after a write that failed, and never commits what is there', async () => {
    const writer = await begin('/dev/full');
    await expect(writer.write(Buffer.alloc(MIB))).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(writer.write(Buffer.alloc(1))).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(writer.commit()).rejects.toMatchObject({ code: 'ENOSPC' });
    await writer.abort();
    expect(existsSync(path)).toBe(false);
  });

  it.each([
    ['the file shrinks', async () => truncateSync(path, 10)],
    ['the hashing thread dies', async () => void (await thread.terminate())],
  ])('does not commit when %s; readers hear of it with the abort', async (_, harm) => {
    const writer = await begin();
    const waiting = writer.growth.beyond(5 * MIB).catch((error: unknown) => error);
    await harm();
    await writer.write(Buffer.alloc(2 * MIB, 'x'));
    await harm();
    await expect(writer.commit()).rejects.toBeInstanceOf(Error);
    await writer.abort();
    expect(await waiting).toBeInstanceOf(BlobAbortedError);
    expect(existsSync(path)).toBe(false);
  });

  it('calls back once, when its name means a whole blob or nothing', async () => {
    for (const end of ['commit', 'abort'] as const) {
      const writer = await begin();
      const seen: boolean[] = [];
      writer.onEnd(() => seen.push(existsSync(path)));
      await writer.write(Buffer.from('x'));
      await writer[end]();
      await writer.abort();
      expect(seen).toEqual([end === 'commit']);
      rmSync(path, { force: true });
    }
  });
});
