import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromInput, fromPath } from './upload-source.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'upload-source-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('what is uploaded', () => {
  it('is a file, with its name and size', async () => {
    const path = join(directory, 'a.txt');
    writeFileSync(path, 'written');
    const file = fromPath(path, statSync(path), undefined);
    expect(file).toMatchObject({ path, filename: 'a.txt', sizeBytes: 7 });
    expect(await text(file.open())).toBe('written');
    expect(fromPath(path, statSync(path), 'b.txt').filename).toBe('b.txt');
  });

  it('is standard input, without a size but not without a name', async () => {
    const io = { stdin: Readable.from([Buffer.from('typed')]) };
    const file = fromInput(io, 'in.txt');
    expect(file).toMatchObject({ filename: 'in.txt', sizeBytes: null });
    expect(await text(file.open())).toBe('typed');
    expect(() => fromInput(io, undefined)).toThrow(/--filename/);
  });

  it.skipIf(process.platform === 'win32')('is a pipe, which can be left while nothing comes', async () => {
    const path = join(directory, 'pipe.txt');
    execFileSync('/bin/sh', ['-c', 'mkfifo "$0"', path]);
    const file = fromPath(path, statSync(path), undefined);
    expect(file.sizeBytes).toBeNull();
    const stream = file.open();
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
});
