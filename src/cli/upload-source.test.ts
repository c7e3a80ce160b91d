import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSource } from './upload-source.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'upload-source-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (path: string, filename?: string) =>
  openSource(path, { filename, io: { stdin: Readable.from([Buffer.from('typed')]) } });

describe('what is uploaded', () => {
  it('is a file, with its name and size', async () => {
    const path = join(directory, 'a.txt');
    writeFileSync(path, 'written');
    const source = await open(path);
    expect(source).toMatchObject({ filename: 'a.txt', sizeBytes: 7 });
    expect(await text(source.open())).toBe('written');
    expect((await open(path, 'b.txt')).filename).toBe('b.txt');
  });

  it('is standard input, without a size', async () => {
    const source = await open('-', 'in.txt');
    expect(source).toMatchObject({ filename: 'in.txt', sizeBytes: null });
    expect(await text(source.open())).toBe('typed');
  });

  it.skipIf(process.platform === 'win32')('is a pipe, which can be left while nothing comes', async () => {
    const path = join(directory, 'pipe.txt');
    execFileSync('/bin/sh', ['-c', 'mkfifo "$0"', path]);
    const source = await open(path);
    expect(source.sizeBytes).toBeNull();
    const stream = source.open();
    const writer = createWriteStream(path);
    const written = new Promise((resolve) => writer.write('through a pipe', resolve));
    const [chunk] = await once(stream, 'data');
    expect(String(chunk)).toBe('through a pipe');
    // A write still under way when its stream is destroyed would be nobody's error.
    await written;
    stream.destroy();
    await once(stream, 'close');
    writer.destroy();
  });

  it.each([
    ['nothing that is there', 'missing', /missing does not exist/],
    ['no directory', '.', /is a directory/],
  ])('is %s', async (_, name, message) => {
    const opening = open(join(directory, name));
    await expect(opening).rejects.toMatchObject({
      code: 'unreadable',
      message: expect.stringMatching(message),
    });
  });
});
