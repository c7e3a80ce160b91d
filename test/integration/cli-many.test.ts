/** Many files in one call: directories, patterns, several at a time, and what a terminal shows of it. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FileObject } from '../../src/api/file-object.ts';
import { errorIn } from '../support/call-waybill.ts';
import { randomText } from '../support/random-text.ts';
import { runWaybill, spawnWaybill } from '../support/run-waybill.ts';
import { screenOf } from '../support/screen-of.ts';
import { startStallingProxy } from '../support/stalling-proxy.ts';
import { type GatewayProcess, makeHome, startGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const PROGRAM = join(import.meta.dirname, '../../bin/waybill.js');

let gateway: GatewayProcess;
let home: string;
let env: Record<string, string>;

beforeAll(async () => {
  [gateway, home] = await Promise.all([startGateway(), makeHome()]);
  env = { WAYBILL_URL: gateway.url, WAYBILL_TOKEN: gateway.token, XDG_STATE_HOME: join(home, 'state') };
});

beforeEach(() => {
  rmSync(join(home, 'in'), { recursive: true, force: true });
  for (const name of ['one.txt', 'two.txt', 'deep/three.txt', 'deep/notes.md']) {
    mkdirSync(join(home, 'in', name, '..'), { recursive: true });
    writeFileSync(join(home, 'in', name), randomText(100));
  }
});

const upload = (...args: string[]) => runWaybill(['upload', '--to', 'none', ...args], { cwd: home, env });

const namesIn = (stdout: string): string[] =>
  stdout
    .trim()
    .split('\n')
    .map((line): FileObject => JSON.parse(line))
    .map(({ filename }) => filename)
    .toSorted();

describe('many files', () => {
  it('are sent from a directory and all that is in it, and counted at the end', async () => {
    symlinkSync('..', join(home, 'in/deep/loop'));
    const { exitCode, stdout, stderr } = await upload('in');
    expect(exitCode).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(4);
    expect(stderr).toMatch(
      /^in\/deep\/loop is a link to a directory; passed over\n4 uploaded, 0 failed, 400 B in 0:\d\d\n$/u,
    );
  });

  it('are sent for a pattern that no shell has expanded, each once, as one line of JSON each', async () => {
    const { exitCode, stdout, stderr } = await upload('in/**/*.txt', 'in/one.txt', 'in/t*', '--json');
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(namesIn(stdout)).toEqual(['one.txt', 'three.txt', 'two.txt']);
  });

  it('are more than could be open at a time', async () => {
    const names = Array.from({ length: 120 }, (_, index) => `${index}.txt`);
    for (const name of names) writeFileSync(join(home, 'in/deep', name), name);
    const { exitCode, stdout } = await runWaybill(
      ['upload', '--to', 'none', 'in/deep', '--json', '--parallel', '16'],
      {
        cwd: home,
        env,
      },
    );
    expect(exitCode).toBe(0);
    expect(namesIn(stdout)).toEqual([...names, 'notes.md', 'three.txt'].toSorted());
  });

  it('do not keep each other back when one fails, which is named', async () => {
    writeFileSync(join(home, 'in/empty.txt'), '');
    const { exitCode, stdout, stderr } = await upload('in', 'missing', 'x*', '--json');
    expect(exitCode).toBe(1);
    expect(namesIn(stdout)).toEqual(['notes.md', 'one.txt', 'three.txt', 'two.txt']);
    const errors = stderr.trim().split('\n').map(errorIn);
    expect(errors.map(({ code, path }) => [code, path]).toSorted()).toEqual([
      ['empty_file', 'in/empty.txt'],
      ['unreadable', undefined],
      ['unreadable', undefined],
    ]);
  });

  it.each([
    ['no gateway answers', { WAYBILL_URL: 'http://127.0.0.1:1' }, 'gateway_unreachable'],
    ['the token is none', { WAYBILL_TOKEN: 'wrong' }, 'invalid_token'],
  ])('end with one error when %s', async (_, changed, code) => {
    const { exitCode, stdout, stderr } = await runWaybill(['upload', 'in', '--json'], {
      cwd: home,
      env: { ...env, ...changed },
    });
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(errorIn(stderr)).toMatchObject({ code });
  });
});

describe('many files, of which the sending was cut off', () => {
  it.each(['SIGINT', 'SIGKILL'] as const)('by %s, go on behind those that have been sent', async (signal) => {
    const proxy = await startStallingProxy(gateway.url);
    const through = { ...env, WAYBILL_URL: proxy.url };
    // One after the other by name: the large one is the last, and the network stops in the middle of it.
    for (const name of ['one.txt', 'two.txt', 'deep/three.txt'])
      writeFileSync(join(home, 'in', name), randomText(100));
    writeFileSync(join(home, 'in/zz.txt'), randomText(24_000_000));
    proxy.stallAfter(9_000_000);
    const args = ['upload', 'in', '--to', 'none', '--parallel', '1'];
    const child = spawnWaybill(args, { cwd: home, env: through });
    const exited = once(child, 'exit') as Promise<[number | null]>;
    const output = [child.stdout, child.stderr].map((stream) => (stream === null ? '' : text(stream)));
    await until('the network carries no more', () => proxy.sentBytes() >= 9_000_000);
    child.kill(signal);
    const [exitCode] = await exited;
    const [stdout = '', stderr = ''] = await Promise.all(output);
    const before = stdout.trim().split('\n');
    expect(before).toHaveLength(4);
    if (signal === 'SIGINT') {
      expect(exitCode).toBe(130);
      expect(stderr).toMatch(
        /^waybill: Interrupted after 4 uploaded, 0 failed, \d+ B in 0:\d\d; go on with: waybill /u,
      );
      expect(stderr).toContain('waybill upload in --to none --parallel 1\n');
    }
    proxy.stallAfter(Number.POSITIVE_INFINITY);
    const second = await runWaybill(args, { cwd: home, env: through });
    expect(second.exitCode).toBe(0);
    expect(second.stdout.trim().split('\n').slice(0, 4)).toEqual(before);
    expect(second.stderr).toMatch(/^goes on behind 4 that have been sent\nzz\.txt {2}goes on at \d+%, /u);
    expect(second.stderr).toMatch(/\n5 uploaded, 0 failed, /u);
    // That call has come to its end; the next is another.
    const third = await runWaybill(args, { cwd: home, env: through });
    expect(third.stdout).not.toContain(before[0]);
    await proxy.close();
  });
});

describe.skipIf(!existsSync('/usr/bin/script'))('in a terminal', () => {
  /** Runs it on a pseudo-terminal of this size, with what both streams write to it. */
  const onTerminal = async (args: string, { columns = 70, rows = 20, more = {} } = {}): Promise<string> => {
    const line = `stty cols ${columns} rows ${rows}; '${process.execPath}' '${PROGRAM}' upload ${args}`;
    const { stdout } = await promisify(execFile)('/usr/bin/script', ['-qec', line, '/dev/null'], {
      cwd: home,
      env: { PATH: process.env.PATH, HOME: home, TERM: 'xterm', SHELL: '/bin/sh', ...env, ...more },
      maxBuffer: 2 ** 26,
    });
    // The terminal's own way to end a line.
    return stdout.replaceAll('\r\n', '\n');
  };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for.
  const COLOURS = /\u001b\[\d+m/gu;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the same.
  const UP = /\u001b\[\d+A/gu;
  const ERASE_LINE = '\u001b[K';
  const [RED, GREEN, DEFAULT] = ['\u001b[31m', '\u001b[32m', '\u001b[39m'];

  it('each that is being sent has a bar, and what stays is one line after the other', async () => {
    for (const name of ['one', 'two', 'three'])
      writeFileSync(join(home, `in/${name}.txt`), randomText(12_000_000));
    const written = await onTerminal('in/*.txt --to none', { columns: 60 });
    const plain = written.replace(COLOURS, '');
    const rows = plain
      .split('\n')
      .flatMap((row) => row.split('\r'))
      .filter((row) => row.includes(ERASE_LINE));
    const bars = rows.filter((row) => /^\w+\.txt .*\d+%/u.test(row.replace(UP, '')));
    expect(new Set(bars.map((row) => row.replace(UP, '').split(' ')[0])).size).toBe(3);
    expect(Math.max(...rows.map((row) => row.replace(UP, '').indexOf(ERASE_LINE)))).toBeLessThan(60);
    const left = screenOf(plain, 60);
    expect(left.filter((row) => / {2}11\.4 MB received as file-/u.test(row))).toHaveLength(3);
    expect(left.at(-2)).toMatch(/^3 uploaded, 0 failed, 34\.3 MB in 0:\d\d$/u);
    expect(left.at(-1)).toBe('');
    expect(left.some((row) => row.includes('%'))).toBe(false);
  });

  it('done is green and failed is red, unless NO_COLOR is set, and a dumb one gets no escape codes', async () => {
    writeFileSync(join(home, 'in/a.txt'), 'a'.repeat(20_000));
    // The emulated Kimi refuses a text of one repeated letter, as the real one does.
    const args = 'in/a.txt in/one.txt --to kimi || true';
    const coloured = await onTerminal(args);
    expect(coloured).toContain(`${GREEN}processed${DEFAULT}`);
    expect(coloured).toContain(`kimi ${RED}failed: `);
    expect(await onTerminal(args, { more: { NO_COLOR: '1' } })).not.toMatch(COLOURS);
    expect(await onTerminal(args, { more: { TERM: 'dumb' } })).not.toContain('\u001b');
  });
});
