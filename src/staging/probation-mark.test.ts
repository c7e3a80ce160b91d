import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MARK_SUFFIX, readMark, removeMark, writeMark } from './probation-mark.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'probation-mark-'));
  path = join(directory, 'blob');
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('the mark of a probation', () => {
  it('tells what is accepted, until it is removed', async () => {
    expect(await readMark(path)).toBeNull();
    for (const acceptedBytes of [0, 17, 2 ** 40]) {
      await writeMark(path, acceptedBytes);
      expect(await readMark(path)).toBe(acceptedBytes);
      await removeMark(path);
      expect(await readMark(path)).toBeNull();
    }
    await removeMark(path);
    expect(existsSync(path + MARK_SUFFIX)).toBe(false);
  });

  it.each(['', '1', '12345'])('says nothing when it was cut short: %j', async (text) => {
    writeFileSync(path + MARK_SUFFIX, text);
    expect(await readMark(path)).toBeNull();
  });
});
