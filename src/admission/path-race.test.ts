import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayError } from '../core/errors.ts';
import { openPathPolicy, type PathPolicy } from './path-policy.ts';

const TRIES = 6_000;
const AT_ONCE = 32;

/** Each exchanges something that lies inside for something that leads outside, and back, as fast as it can. */
const SWAPPERS = {
  file: `
    fs.linkSync(root + '/inside/f.txt', root + '/next'); fs.renameSync(root + '/next', root + '/swap');
    fs.symlinkSync(base + '/secret/f.txt', root + '/next'); fs.renameSync(root + '/next', root + '/swap');`,
  link: `
    fs.symlinkSync(root + '/inside', root + '/next'); fs.renameSync(root + '/next', root + '/swap');
    fs.symlinkSync(base + '/secret', root + '/next'); fs.renameSync(root + '/next', root + '/swap');`,
  directory: `
    fs.renameSync(root + '/inside', root + '/swap'); fs.renameSync(root + '/swap', root + '/inside');
    fs.symlinkSync(base + '/secret', root + '/swap'); fs.unlinkSync(root + '/swap');`,
} as const;

let base: string;
let root: string;
let policy: PathPolicy;
let swapper: ChildProcess | undefined;

beforeAll(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'path-race-')));
  root = join(base, 'root');
  for (const name of ['root/inside', 'secret', 'data']) await mkdir(join(base, name), { recursive: true });
  await writeFile(join(root, 'inside/f.txt'), 'PUBLIC');
  await writeFile(join(base, 'secret/f.txt'), 'SECRET');
  policy = await openPathPolicy({ allowed: [root], mappings: [], dataDirectory: join(base, 'data') });
});
afterAll(async () => {
  swapper?.kill('SIGKILL');
  await rm(base, { recursive: true, force: true });
});

const startSwapper = async (kind: keyof typeof SWAPPERS): Promise<() => Promise<void>> => {
  const script = `
    const fs = require('node:fs');
    const [base, root] = process.argv.slice(1);
    fs.rmSync(root + '/swap', { force: true }); fs.rmSync(root + '/next', { force: true });
    let going = true;
    process.on('SIGTERM', () => { going = false; });
    process.stdout.write('swapping');
    const turn = () => {
      for (let i = 0; i < 200; i++) {${SWAPPERS[kind]}}
      if (going) setImmediate(turn);
    };
    turn();`;
  const child = spawn(process.execPath, ['-e', script, base, root], { stdio: ['ignore', 'pipe', 'inherit'] });
  swapper = child;
  await once(child.stdout, 'data');
  return async () => {
    expect(child.exitCode).toBe(null);
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
  };
};

/** What a client would get: the bytes, or the code of the refusal. */
const attempt = async (path: string): Promise<string> => {
  try {
    const file = await policy.open(path);
    try {
      let bytes = '';
      try {
        for await (const chunk of file.body) bytes += chunk.toString();
      } catch {
        // A new name or place of the file is a change of it; what counts is which bytes were read.
      }
      return bytes;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof GatewayError) return error.code;
    throw error;
  }
};

describe('while a path is being exchanged', () => {
  it.each([
    ['P26 a file for a link', 'file', 'swap'],
    ['P27 the target of a directory link', 'link', 'swap/f.txt'],
    ['P28 a directory for a link', 'directory', 'swap/f.txt'],
  ] as const)('%s, no byte from outside is read', async (_, kind, path) => {
    const stop = await startSwapper(kind);
    const counts: Record<string, number> = {};
    let tries = 0;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (tries < TRIES) {
          tries += 1;
          const got = await attempt(join(root, path));
          counts[got] = (counts[got] ?? 0) + 1;
        }
      }),
    );
    await stop();
    expect(counts.SECRET).toBe(undefined);
    // Both states were met, or nothing was tried.
    expect(counts.PUBLIC, JSON.stringify(counts)).toBeGreaterThan(20);
    expect(counts.path_not_allowed, JSON.stringify(counts)).toBeGreaterThan(20);
    const known = ['PUBLIC', 'path_not_allowed', 'not_found'];
    expect(Object.keys(counts).filter((outcome) => !known.includes(outcome))).toEqual([]);
  });
});
