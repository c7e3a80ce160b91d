import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDirectory } from './directory-lock.ts';
import { StartupError } from './startup-error.ts';

const MODULE = new URL('./directory-lock.ts', import.meta.url).href;

/** Tries to take the lock, keeps nothing of it, says how that went, and stays until it is killed. */
const HOLDER = `
  const { lockDirectory } = await import(${JSON.stringify(MODULE)});
  try { lockDirectory(process.argv[1]); gc(); console.log('held'); } catch (error) { console.log(error.message); }
  setInterval(() => undefined, 1000);
`;

let parent: string;
let directory: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'directory-lock-'));
  directory = join(parent, 'data');
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(parent, { recursive: true, force: true });
});

async function lockInChild(): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', HOLDER, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [chunk] = await once(child.stdout ?? child, 'data');
  return { child, said: String(chunk).trim() };
}

function errorOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('lockDirectory', () => {
  it('creates the directory for its owner alone', () => {
    const lock = lockDirectory(join(directory, 'deeper'));
    expect(statSync(join(directory, 'deeper')).mode & 0o777).toBe(0o700);
    lock.release();
  });

  it('leaves the mode of a directory that exists', () => {
    mkdirSync(directory);
    chmodSync(directory, 0o750);
    const lock = lockDirectory(directory);
    expect(statSync(directory).mode & 0o777).toBe(0o750);
    lock.release();
  });

  it('keeps no journal beside the lock and an empty lock file', () => {
    const lock = lockDirectory(directory);
    expect(readdirSync(directory).sort()).toEqual(['gateway.lock', 'gateway.pid']);
    expect(statSync(join(directory, 'gateway.lock')).size).toBe(0);
    lock.release();
  });

  it('refuses a second holder in the same process, by any name of the directory', () => {
    const lock = lockDirectory(directory);
    symlinkSync(directory, join(parent, 'alias'));
    for (const name of [directory, join(parent, 'alias')]) {
      const error = errorOf(() => lockDirectory(name));
      expect(error).toBeInstanceOf(StartupError);
      expect(String(error)).toContain(`The data directory ${name} is in use`);
      expect(String(error)).toContain(`pid ${process.pid}`);
    }
    lock.release();
  });

  it('still holds after it refused one in the same process', async () => {
    const lock = lockDirectory(directory);
    expect(errorOf(() => lockDirectory(directory))).toBeInstanceOf(StartupError);
    expect((await lockInChild()).said).toContain('in use');
    lock.release();
  });

  it('refuses a second process and names the holder, the directory and the remedy', async () => {
    const lock = lockDirectory(directory);
    const { said } = await lockInChild();
    expect(said).toBe(
      `The data directory ${directory} is in use by another Waybill process (pid ${process.pid}): stop it, or set DATA_DIR to another directory.`,
    );
    lock.release();
  });

  it('names no pid where none is known', () => {
    const lock = lockDirectory(directory);
    writeFileSync(join(directory, 'gateway.pid'), 'nonsense');
    expect(String(errorOf(() => lockDirectory(directory)))).toContain(
      'in use by another Waybill process: stop it',
    );
    lock.release();
  });

  it('is held by a process that keeps no reference to it', async () => {
    expect((await lockInChild()).said).toBe('held');
    expect(errorOf(() => lockDirectory(directory))).toBeInstanceOf(StartupError);
  });

  it('is free again at once after the holder was killed', async () => {
    const { child, said } = await lockInChild();
    expect(said).toBe('held');
    expect(errorOf(() => lockDirectory(directory))).toBeInstanceOf(StartupError);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(readFileSync(join(directory, 'gateway.pid'), 'utf8').trim()).toBe(String(child.pid));

    const lock = lockDirectory(directory);
    expect(readFileSync(join(directory, 'gateway.pid'), 'utf8').trim()).toBe(String(process.pid));
    lock.release();
  });

  it('does not pass to a child of the holder', async () => {
    const holder = await lockInChild();
    const bystander = spawn('sleep', ['60'], { stdio: 'ignore' });
    children.push(bystander);
    holder.child.kill('SIGKILL');
    await once(holder.child, 'exit');

    const lock = lockDirectory(directory);
    const heir = spawn('sleep', ['60'], { stdio: 'ignore' });
    children.push(heir);
    lock.release();
    expect((await lockInChild()).said).toBe('held');
  });

  it('is free again after release, which may be called twice', async () => {
    const lock = lockDirectory(directory);
    lock.release();
    expect(existsSync(join(directory, 'gateway.pid'))).toBe(false);
    const { said } = await lockInChild();
    expect(said).toBe('held');
    lock.release();
    expect(errorOf(() => lockDirectory(directory))).toBeInstanceOf(StartupError);
  });

  it('says so when the directory cannot be made', () => {
    writeFileSync(directory, 'a file');
    const error = errorOf(() => lockDirectory(join(directory, 'below')));
    expect(error).toBeInstanceOf(StartupError);
    expect(String(error)).toContain(`The data directory ${join(directory, 'below')} cannot be used`);
  });

  it.runIf(process.platform === 'linux')(
    'says so where nothing can be made at all, instead of trying for ever',
    () => {
      const error = errorOf(() => lockDirectory('/proc/waybill/data'));
      expect(error).toBeInstanceOf(StartupError);
      expect(String(error)).toContain('The data directory /proc/waybill/data cannot be used');
    },
  );

  it('says so when the lock file is something else', () => {
    mkdirSync(directory);
    writeFileSync(join(directory, 'gateway.lock'), 'not a lock '.repeat(200));
    expect(errorOf(() => lockDirectory(directory))).toBeInstanceOf(StartupError);
  });

  it.runIf(process.getuid?.() !== 0)('says so when the directory is read-only', () => {
    mkdirSync(directory);
    chmodSync(directory, 0o500);
    expect(String(errorOf(() => lockDirectory(directory)))).toContain('make it writable');
    chmodSync(directory, 0o700);
  });
});
