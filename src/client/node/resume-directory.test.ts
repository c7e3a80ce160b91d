import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createResumeDirectory } from './resume-directory.ts';

const KEY = 'ab'.repeat(32);
const OTHER = 'cd'.repeat(32);
let home: string;
let directory: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'waybill-resume-'));
  directory = join(home, 'below', 'uploads');
});
afterEach(() => rm(home, { recursive: true, force: true }));

describe('a resume directory', () => {
  it('is made when it is needed, and remembers until it is told to forget', async () => {
    const store = createResumeDirectory(directory);
    expect(await store.get(KEY)).toBeNull();
    await store.delete(KEY);
    await store.set(KEY, 'http://gateway/v1/tus/1');
    await store.set(KEY, 'http://gateway/v1/tus/2');
    expect(await createResumeDirectory(directory).get(KEY)).toBe('http://gateway/v1/tus/2');
    expect(await readdir(directory)).toEqual([KEY]);
    await store.delete(KEY);
    expect(await readdir(directory)).toEqual([]);
  });

  it.skipIf(process.platform === 'win32')('is for the eyes of its owner only', async () => {
    await createResumeDirectory(directory).set(KEY, 'x');
    const modes = [(await stat(directory)).mode, (await stat(join(directory, KEY))).mode];
    expect(modes.map((mode) => (mode & 0o777).toString(8))).toEqual(['700', '600']);
  });

  it('drops what is older than a week, and nothing that is not its own', async () => {
    const store = createResumeDirectory(directory);
    await store.set(KEY, 'x');
    await writeFile(join(directory, 'notes.txt'), 'mine');
    const eightDaysAgo = Date.now() / 1_000 - 8 * 86_400;
    for (const name of [KEY, 'notes.txt']) await utimes(join(directory, name), eightDaysAgo, eightDaysAgo);
    await store.set(OTHER, 'y');
    expect((await readdir(directory)).toSorted()).toEqual([OTHER, 'notes.txt'].toSorted());
  });

  it('takes no key that leads elsewhere', async () => {
    const store = createResumeDirectory(directory);
    await expect(store.set('../../x', 'y')).rejects.toThrow(TypeError);
  });

  it('is shared by writers at the same time', async () => {
    const store = createResumeDirectory(directory);
    await Promise.all(Array.from({ length: 20 }, (_, index) => store.set(KEY, `http://gateway/${index}`)));
    expect(await store.get(KEY)).toMatch(/^http:\/\/gateway\/\d+$/u);
    expect(await readdir(directory)).toEqual([KEY]);
  });
});
