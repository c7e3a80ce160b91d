import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shellLine } from './shell-line.ts';

describe('a command line to repeat', () => {
  it.skipIf(process.platform === 'win32')('is read by a shell as it was meant', () => {
    const words = fc.array(fc.string({ minLength: 1 }).filter((word) => !word.includes('\0')));
    fc.assert(
      fc.property(words, (given) => {
        const line = shellLine(['printf', '%s\\0', '-', ...given], 'linux');
        const read = execFileSync('/bin/sh', ['-c', line]).toString();
        expect(read).toBe(['-', ...given, ''].join('\0'));
      }),
      { numRuns: 40 },
    );
  });

  it('leaves plain words as they are', () => {
    expect(shellLine(['waybill', 'upload', 'a/b.txt', '--to=kimi,glm'])).toBe(
      'waybill upload a/b.txt --to=kimi,glm',
    );
    expect(shellLine(['a b', '"'], 'win32')).toBe(String.raw`"a b" "\""`);
  });
});
