import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadJwtSecret } from './jwt-secret.ts';

const MODULE = new URL('./jwt-secret.ts', import.meta.url).href;

let parent: string;
let directory: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'jwt-secret-'));
  directory = join(parent, 'data');
});

afterEach(() => rm(parent, { recursive: true, force: true }));

/** A start of another process; resolves with the secret that it got. */
const startElsewhere = async (): Promise<string> => {
  const source = `const { loadJwtSecret } = await import(${JSON.stringify(MODULE)});
    process.stdout.write(await loadJwtSecret(undefined, ${JSON.stringify(directory)}));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [secret] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return secret;
};

describe('the secret of tokens', () => {
  it('is the configured one, and then nothing is written', async () => {
    expect(await loadJwtSecret('configured', directory)).toBe('configured');
    expect(await readdir(parent)).toEqual([]);
  });

  it('is made at the first start, 32 random bytes that only the owner can read', async () => {
    const secret = await loadJwtSecret(undefined, directory);
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    expect((await stat(join(directory, 'jwt-secret'))).mode & 0o777).toBe(0o600);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect(await readdir(directory)).toEqual(['jwt-secret']);
  });

  it('stays the same over starts and differs between installations', async () => {
    const first = await loadJwtSecret(undefined, directory);
    expect(await loadJwtSecret(undefined, directory)).toBe(first);
    expect(await loadJwtSecret(undefined, join(parent, 'other'))).not.toBe(first);
  });

  it('is the same for many starts at once', async () => {
    const secrets = await Promise.all(Array.from({ length: 50 }, () => loadJwtSecret(undefined, directory)));
    expect(new Set(secrets).size).toBe(1);
    expect(secrets[0]).toBe(await readFile(join(directory, 'jwt-secret'), 'utf8'));
    expect(await readdir(directory)).toEqual(['jwt-secret']);
  });

  it('is the same for starts of several processes at once', async () => {
    const secrets = await Promise.all([startElsewhere(), startElsewhere(), startElsewhere()]);
    expect(new Set(secrets).size).toBe(1);
    expect(secrets[0]).toHaveLength(43);
  });

  it.each([
    ['empty, as a crash can leave it', ''],
    ['too short to be one', 'short'],
  ])('is not taken from a file that is %s', async (_name, content) => {
    await loadJwtSecret(undefined, directory);
    await writeFile(join(directory, 'jwt-secret'), content);
    await expect(loadJwtSecret(undefined, directory)).rejects.toThrow(/jwt-secret/u);
  });
});
