import { cpSync, lstatSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binaries.ts';
import { restoreLibraryLinks } from './restore-library-links.ts';
import { runnableBinaries } from './runnable-binaries.ts';

let directory: string;
let binaries: PostgresBinaries;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'library-links-'));
  const installed = await findPostgresBinaries();
  const native = join(directory, 'native');
  cpSync(dirname(dirname(installed.postgres)), native, { recursive: true, verbatimSymlinks: true });
  for (const name of links()) rmSync(join(native, 'lib', name));
  binaries = {
    ...installed,
    postgres: join(native, 'bin', 'postgres'),
    initdb: join(native, 'bin', 'initdb'),
  };
});

afterEach(() => rmSync(directory, { recursive: true }));

function links(): string[] {
  const library = join(directory, 'native', 'lib');
  return readdirSync(library).filter((name) => lstatSync(join(library, name)).isSymbolicLink());
}

describe('restoreLibraryLinks', () => {
  it('makes relative links, and makes them once', async () => {
    expect(links()).toEqual([]);
    await restoreLibraryLinks(binaries);
    await restoreLibraryLinks(binaries);
    expect(links().length).toBeGreaterThan(0);
    for (const name of links()) {
      expect(readlinkSync(join(directory, 'native', 'lib', name))).not.toContain('/');
    }
  });

  it.runIf(process.platform === 'linux')('lets programs run whose install script did not', async () => {
    expect(await runnableBinaries(binaries, undefined)).toMatchObject({ postgres: binaries.postgres });
    expect(links()).toContain('libicuuc.so.60');
  });
});
