import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StartupError } from '../startup-error.ts';
import { findPostgresBinaries } from './postgres-binaries.ts';
import { runnableBinaries } from './runnable-binaries.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'runnable-binaries-'));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

function program(script: string) {
  const postgres = join(directory, 'postgres');
  writeFileSync(postgres, `#!/bin/sh\n${script}\n`);
  chmodSync(postgres, 0o755);
  return { initdb: join(directory, 'initdb'), postgres, packageVersion: '0.0.0' };
}

describe('runnableBinaries', () => {
  it('tells the major version and changes no path where the programs run', async () => {
    const binaries = await findPostgresBinaries();
    expect(await runnableBinaries(binaries, undefined)).toEqual({
      ...binaries,
      majorVersion: binaries.packageVersion.split('.')[0],
    });
  });

  it('repeats what a program that does not run says', async () => {
    const binaries = program('echo "libicu: cannot open shared object file" >&2; exit 127');
    const attempt = runnableBinaries(binaries, undefined);
    await expect(attempt).rejects.toThrow(StartupError);
    await expect(attempt).rejects.toThrow(/cannot open shared object file.*DATABASE_URL/);
  });

  it('refuses a program that is something else', async () => {
    await expect(runnableBinaries(program('echo hello'), undefined)).rejects.toThrow(
      /unexpected version hello/,
    );
  });

  it('gives the program nothing of our environment', async () => {
    const binaries = program('echo "$(env)" >&2; exit 1');
    vi.stubEnv('SOME_API_KEY', 'sk-secret');
    const failure = await runnableBinaries(binaries, undefined).catch((error: unknown) => String(error));
    expect(failure).toContain('LC_ALL=C');
    expect(failure).not.toContain('sk-secret');
  });
});
