import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Found, findUploads } from './find-uploads.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'find-uploads-'));
  for (const name of ['a.txt', 'b.md', 'in/c.txt', 'in/deep/d.txt', 'in/.hidden', 'lit[1]*.txt']) {
    mkdirSync(join(home, name, '..'), { recursive: true });
    writeFileSync(join(home, name), name);
  }
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** What is found, each on a line, with paths relative to the home. */
const find = async (...operands: string[]): Promise<string[]> => {
  const paths = operands.map((operand) => (operand === '-' ? operand : join(home, operand)));
  const lines: string[] = [];
  for await (const found of findUploads(paths)) lines.push(lineOf(found));
  return lines;
};

const lineOf = (found: Found): string => {
  if (found.kind === 'input') return '-';
  if (found.kind === 'wrong') return `wrong: ${found.error.message.replaceAll(`${home}/`, '')}`;
  const path = relative(home, found.path);
  return found.kind === 'file' ? path : `${path} ${found.why}`;
};

describe('what the operands of upload name', () => {
  it('is files and standard input, in their order', async () => {
    expect(await find('b.md', '-', 'a.txt')).toEqual(['b.md', '-', 'a.txt']);
  });

  it('is all that is in a directory, in the order of the names', async () => {
    expect(await find('in')).toEqual(['in/.hidden', 'in/c.txt', 'in/deep/d.txt']);
  });

  it('is what a pattern matches that no shell has expanded', async () => {
    expect((await find('*.{txt,md}')).toSorted()).toEqual(['a.txt', 'b.md', 'lit[1]*.txt']);
    expect((await find('in/**/*.txt')).toSorted()).toEqual(['in/c.txt', 'in/deep/d.txt']);
    expect((await find('i[n]')).toSorted()).toEqual(['in/.hidden', 'in/c.txt', 'in/deep/d.txt']);
  });

  it('is the path itself where there is one that looks like a pattern', async () => {
    expect(await find('lit[1]*.txt')).toEqual(['lit[1]*.txt']);
  });

  it('is each file once, however often and by whatever way it is named', async () => {
    symlinkSync('in', join(home, 'way'));
    const all = await find('in', 'in/c.txt', 'in/../in/c.txt', 'in/**', 'way/c.txt', '-', '-', 'way');
    expect(all).toEqual(['in/.hidden', 'in/c.txt', 'in/deep/d.txt', '-']);
  });

  it('is a link to a file, and no link to a directory, in which one could go round in circles', async () => {
    symlinkSync('..', join(home, 'in/deep/loop'));
    symlinkSync('nowhere', join(home, 'in/deep/nowhere'));
    symlinkSync('../../a.txt', join(home, 'in/deep/to-a'));
    expect(await find('in/deep')).toEqual([
      'in/deep/d.txt',
      'in/deep/loop is a link to a directory',
      'in/deep/nowhere is a link that leads nowhere',
      'in/deep/to-a',
    ]);
    expect(await find('in/deep/loop')).toContain('in/deep/loop/c.txt');
  });

  it.skipIf(process.platform === 'win32')('is no pipe in a directory, but one that is named', async () => {
    execFileSync('/bin/sh', ['-c', 'mkfifo "$0"', join(home, 'in/pipe')]);
    expect(await find('in')).toContain('in/pipe is no file');
    expect(await find('in/pipe')).toEqual(['in/pipe']);
  });

  it('is an error of the operand where there is nothing, and the others are found', async () => {
    mkdirSync(join(home, 'empty'));
    symlinkSync('nowhere', join(home, 'dangling[1]'));
    expect(await find('missing', 'n*pe', 'empty', 'dangling[1]', 'a.txt/x', 'a.txt')).toEqual([
      'wrong: missing does not exist; check the path.',
      'wrong: n*pe matches nothing that is there; check the pattern.',
      'wrong: empty has no files in it; nothing of it was sent.',
      'wrong: dangling[1] does not exist; check the path.',
      'wrong: a.txt/x does not exist; check the path.',
      'a.txt',
    ]);
  });

  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'is an error of a directory that may not be read, and the rest is found',
    async () => {
      chmodSync(join(home, 'in/deep'), 0);
      expect(await find('in')).toEqual([
        'in/.hidden',
        'in/c.txt',
        'wrong: in/deep may not be read by you; check its permissions.',
      ]);
      chmodSync(join(home, 'in/deep'), 0o700);
    },
  );
});
