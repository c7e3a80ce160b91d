/** How little a call has to load before it says something. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const PROGRAM = join(import.meta.dirname, '../../bin/waybill.js');
const LIST_MODULES = join(import.meta.dirname, '../support/list-modules.mjs');

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'waybill-start-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const run = (args: readonly string[], env: Record<string, string> = {}): string =>
  execFileSync(process.execPath, [PROGRAM, ...args], {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home, XDG_CACHE_HOME: join(home, 'cache'), ...env },
  }).toString();

const modulesOf = (args: readonly string[]): string[] => {
  const list = join(home, 'modules');
  run(args, { NODE_OPTIONS: `--import=${LIST_MODULES}`, MODULES: list });
  return readFileSync(list, 'utf8').trim().split('\n');
};

describe('the start of a call', () => {
  it.each([[['--help']], [['upload', '--help']], [['--version']]])(
    'for %j loads the table of commands, and no package and no command',
    (args) => {
      const own = modulesOf(args).filter((url) => url.startsWith('file:'));
      expect(own).toContainEqual(expect.stringMatching(/src\/cli\/commands\.ts$/u));
      expect(own.filter((url) => /node_modules|\/src\/(cli\/commands|client|http)\//u.test(url))).toEqual([]);
      // Each costs about a millisecond.
      expect(own.length).toBeLessThanOrEqual(26);
    },
  );

  it('keeps what was compiled for the next one, in the directory of the user', () => {
    const first = run(['--help']);
    const [version = ''] = readdirSync(join(home, 'cache/waybill'));
    expect(readdirSync(join(home, 'cache/waybill', version)).length).toBeGreaterThan(10);
    expect(run(['--help'])).toBe(first);
  });

  it('does without where nothing can be kept', () => {
    writeFileSync(join(home, 'file'), '');
    mkdirSync(join(home, 'cache'));
    writeFileSync(join(home, 'cache/waybill'), '');
    expect(run(['--help'])).toContain('Usage: waybill');
    expect(run(['--help'], { XDG_CACHE_HOME: 'relative', HOME: join(home, 'file') })).toContain('Usage');
  });
});
