import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StartupError } from '../startup-error.ts';
import { serverPassword } from './server-password.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'server-password-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

describe('serverPassword', () => {
  it('makes one of 32 random bytes that only its owner can read', async () => {
    const password = await serverPassword(directory, false);
    expect(password).toMatch(/^[\w-]{43}$/);
    expect(readFileSync(join(directory, 'password'), 'utf8')).toBe(`${password}\n`);
    expect(statSync(join(directory, 'password')).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['password']);
  });

  it('keeps the one there is', async () => {
    const password = await serverPassword(directory, false);
    expect(await serverPassword(directory, false)).toBe(password);
    expect(await serverPassword(directory, true)).toBe(password);
  });

  it('replaces an empty one while there is no cluster', async () => {
    writeFileSync(join(directory, 'password'), '');
    expect(await serverPassword(directory, false)).toMatch(/^[\w-]{43}$/);
  });

  it('does not make another for a cluster that has one', async () => {
    await expect(serverPassword(directory, true)).rejects.toThrow(StartupError);
    expect(readdirSync(directory)).toEqual([]);
  });
});
