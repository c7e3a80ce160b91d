import { mkdtemp, open, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalFile, localFile } from './path-file.ts';

const BYTES = Buffer.from(Array.from({ length: 600_000 }, (_, i) => i % 251));

let directory: string;
let path: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'path-file-'));
  path = join(directory, 'bytes');
});
afterAll(() => rm(directory, { recursive: true }));

const openBytes = async (): Promise<LocalFile> => {
  await writeFile(path, BYTES);
  return localFile(await open(path), { name: 'bytes', path });
};
const readAll = async (body: AsyncIterable<Buffer>): Promise<Buffer> => {
  const chunks = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
};

describe('an open file', () => {
  it.each([
    [0, 600_000],
    [0, 1],
    [599_999, 600_000],
    [262_143, 524_289],
    [300_000, 300_000],
    [500_000, 700_000],
    [600_000, 600_000],
  ])('gives the bytes from %i to %i, and again', async (start, end) => {
    const file = await openBytes();
    for (const _ of [1, 2]) {
      expect((await readAll(file.open(start, end))).equals(BYTES.subarray(start, end))).toBe(true);
    }
    await file.close();
  });

  it('P29 keeps the last bytes of a part back when it was changed meanwhile', async () => {
    const file = await openBytes();
    const got: Buffer[] = [];
    const reading = (async () => {
      for await (const chunk of file.open(0, 600_000)) {
        if (got.length === 0) await writeFile(path, Buffer.alloc(BYTES.length, 'x'));
        got.push(chunk);
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'incomplete_body' });
    expect(Buffer.concat(got).length).toBeLessThan(BYTES.length);
    await file.close();
  });

  it('has the same identity when it is opened again, and another once it has changed', async () => {
    const file = await openBytes();
    const again = await localFile(await open(path), { name: 'bytes', path });
    expect(again.identity).toBe(file.identity);
    // Its bytes exchanged and its time put back.
    const time = new Date(Date.now() - 60_000);
    await writeFile(path, Buffer.alloc(BYTES.length, 'x'));
    await utimes(path, time, time);
    const other = await localFile(await open(path), { name: 'bytes', path });
    expect(other.identity).not.toBe(file.identity);
    await Promise.all([file.close(), again.close(), other.close()]);
  });
});
