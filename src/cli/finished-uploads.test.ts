import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFinishedUploads } from './finished-uploads.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'finished-uploads-'));
  writeFileSync(join(home, 'a.txt'), 'a');
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const open = (...facts: string[]) => openFinishedUploads(join(home, 'state/calls'), facts);
const a = () => [join(home, 'a.txt'), statSync(join(home, 'a.txt'))] as const;

describe('files that a call has sent', () => {
  it('are known to the same call until one comes to its end', async () => {
    await (await open('x')).add(...a(), 'file-1');
    const again = await open('x');
    expect([again.count, again.find(...a())]).toEqual([1, 'file-1']);
    expect((await open('y')).find(...a())).toBeNull();
    await again.forget();
    expect((await open('x')).count).toBe(0);
  });

  it('are not those that have changed since', async () => {
    await (await open('x')).add(...a(), 'file-1');
    writeFileSync(join(home, 'a.txt'), 'ab');
    expect((await open('x')).find(...a())).toBeNull();
  });

  it('are read as far as they were written, and not for ever', async () => {
    await (await open('x')).add(...a(), 'file-1');
    const [name = ''] = readdirSync(join(home, 'state/calls'));
    const path = join(home, 'state/calls', name);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    appendFileSync(path, '["cut o');
    expect((await open('x')).find(...a())).toBe('file-1');
    utimesSync(path, 0, 0);
    expect((await open('x')).count).toBe(0);
  });

  it('are done without where nothing can be kept', async () => {
    writeFileSync(join(home, 'state'), '');
    const finished = await open('x');
    await finished.add(...a(), 'file-1');
    await finished.forget();
    expect((await open('x')).count).toBe(0);
  });
});
