import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chooseTarget, saveFile } from './save-file.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'save-file-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function* body(text: string, fault?: Error): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
  if (fault !== undefined) throw fault;
}

const UNFORCED = { isForced: false };

describe('the name to save under', () => {
  it.each([
    ['../../etc/passwd', 'passwd'],
    ['/root/.ssh/authorized_keys', 'authorized_keys'],
    ['C:\\Windows\\x.dll', 'x.dll'],
    ['报告.pdf', '报告.pdf'],
  ])('of "%s" stays in the directory', async (filename, name) => {
    expect(await chooseTarget(filename, { output: directory, ...UNFORCED })).toBe(join(directory, name));
  });

  it.each(['..', 'a\u001b[31m', ''])('is not "%s"', async (filename) => {
    const chosen = chooseTarget(filename, { output: directory, ...UNFORCED });
    await expect(chosen).rejects.toMatchObject({
      code: 'unwritable',
      message: expect.stringContaining('-o FILE'),
    });
  });

  it('is not one that is taken, unless forced', async () => {
    const output = join(directory, 'a');
    writeFileSync(output, 'precious');
    await expect(chooseTarget('x', { output, ...UNFORCED })).rejects.toMatchObject({
      code: 'unwritable',
      message: expect.stringContaining('--force'),
    });
    expect(await chooseTarget('x', { output, isForced: true })).toBe(output);
  });
});

describe('saving', () => {
  it('leaves the whole file and nothing else', async () => {
    await saveFile(body('all of it'), { target: join(directory, 'a'), ...UNFORCED });
    expect(readFileSync(join(directory, 'a'), 'utf8')).toBe('all of it');
    expect(readdirSync(directory)).toEqual(['a']);
  });

  it('leaves nothing when the bytes fail', async () => {
    const fault = new Error('Broken off.');
    const saving = saveFile(body('half', fault), { target: join(directory, 'a'), ...UNFORCED });
    await expect(saving).rejects.toBe(fault);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('does not replace what has come to be there meanwhile', async () => {
    const target = join(directory, 'a');
    async function* meanwhile(): AsyncGenerator<Buffer> {
      yield Buffer.from('new');
      writeFileSync(target, 'precious');
    }
    await expect(saveFile(meanwhile(), { target, ...UNFORCED })).rejects.toMatchObject({
      code: 'unwritable',
    });
    expect(readFileSync(target, 'utf8')).toBe('precious');
    expect(readdirSync(directory)).toEqual(['a']);
  });

  it('replaces it when forced', async () => {
    const target = join(directory, 'a');
    writeFileSync(target, 'old');
    await saveFile(body('new'), { target, isForced: true });
    expect(readFileSync(target, 'utf8')).toBe('new');
  });

  it('says where it cannot write', async () => {
    const target = join(directory, 'missing', 'a');
    const saving = saveFile(body('x'), { target, ...UNFORCED });
    await expect(saving).rejects.toMatchObject({
      code: 'unwritable',
      message: expect.stringContaining('ENOENT'),
    });
  });
});
