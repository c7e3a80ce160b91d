import { readFile, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { z } from 'zod';
import type { PostgresBinaries } from './postgres-binaries.ts';

/** Paths from the package's root: the link `target` leads to the file `source`. */
const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * Makes the symbolic links among an installation's libraries, without which its programs do not load. npm packs no
 * links; the package lists them for an install script of its own, which npm runs only where install scripts are allowed.
 * Links that exist are left alone.
 */
export async function restoreLibraryLinks({ postgres }: PostgresBinaries): Promise<void> {
  const installation = dirname(dirname(postgres));
  const listed: unknown = JSON.parse(await readFile(join(installation, 'pg-symlinks.json'), 'utf8'));
  for (const { source, target } of linksSchema.parse(listed)) {
    await symlink(relative(dirname(target), source), join(dirname(installation), target)).catch(
      unlessPresent,
    );
  }
}

function unlessPresent(error: unknown): void {
  if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return;
  throw error;
}
