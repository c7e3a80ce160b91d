import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readPostmasterFile, removePostmasterFile } from './postmaster-file.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'postmaster-file-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

function write(text: string): void {
  writeFileSync(join(directory, 'postmaster.pid'), text);
}

describe('readPostmasterFile', () => {
  it('reads what a server writes', async () => {
    write('4694\n/proc/self/cwd\n1795405780\n33295\n\n127.0.0.1\n  2097166         3\nready   \n');
    expect(await readPostmasterFile(directory)).toEqual({ pid: 4694, port: 33295, isReady: true });
  });

  it('does not take a starting server for a ready one', async () => {
    write('4694\n/data\n1795405780\n33295\n\n127.0.0.1\n  2097166         3\nstarting\n');
    expect((await readPostmasterFile(directory))?.isReady).toBe(false);
  });

  it('reads a file that is being written', async () => {
    write('4694\n/data\n');
    expect(await readPostmasterFile(directory)).toEqual({ pid: 4694, port: undefined, isReady: false });
  });

  it.each(['', 'garbage', '-4694\n/data\n', '0\n', '1\n'])('names no postmaster in %j', async (text) => {
    write(text);
    expect(await readPostmasterFile(directory)).toBeUndefined();
  });

  it('knows that there is none', async () => {
    expect(await readPostmasterFile(join(directory, 'absent'))).toBeUndefined();
  });

  it('can be removed, and again', async () => {
    write('4694\n');
    await removePostmasterFile(directory);
    await removePostmasterFile(directory);
    expect(readdirSync(directory)).toEqual([]);
  });
});
