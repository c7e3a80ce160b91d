import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { appendFile, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/**
 * Which files of a call have been sent, should it not come to its end: the same call, made again, goes on behind them.
 * Where nothing can be remembered, that is done without.
 */
export interface FinishedUploads {
  /** How many the call before has left behind. */
  readonly count: number;
  /** The id under which the call before has sent this very file; null when it has not, or the file has changed. */
  find(path: string, found: Stats): string | null;
  add(path: string, found: Stats, id: string): Promise<void>;
  /** To be called when the call has come to its end. */
  forget(): Promise<void>;
}

/** As long as uploads that were cut off are remembered. */
const STALE_MS = 7 * 86_400_000;

/** Remembers in a file of its own in `directory`, named after `facts`: what makes two calls the same. */
export const openFinishedUploads = async (
  directory: string,
  facts: readonly (string | undefined)[],
): Promise<FinishedUploads> => {
  const name = createHash('sha256').update(JSON.stringify(facts)).digest('hex');
  const path = join(directory, name);
  const isStale = await stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs > STALE_MS,
    () => false,
  );
  if (isStale) await rm(path, { force: true }).catch(() => undefined);
  const before = new Map((await readFile(path, 'utf8').catch(() => '')).split('\n').flatMap(toEntry));
  return {
    count: before.size,
    find: (file, found) => before.get(identityOf(file, found)) ?? null,
    add: async (file, found, id) => {
      const line = `${JSON.stringify([identityOf(file, found), id])}\n`;
      try {
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        await appendFile(path, line, { mode: 0o600 });
      } catch {
        // Then this file is sent again, should the call not come to its end.
      }
    },
    forget: () => rm(path, { force: true }).catch(() => undefined),
  };
};

const identityOf = (path: string, { size, mtimeMs }: Stats): string =>
  JSON.stringify([resolve(path), size, mtimeMs]);

/** The last line may be cut off. */
const toEntry = (line: string): (readonly [string, string])[] => {
  try {
    const entry: unknown = JSON.parse(line);
    if (!Array.isArray(entry)) return [];
    const [identity, id] = entry as unknown[];
    return typeof identity === 'string' && typeof id === 'string' ? [[identity, id]] : [];
  } catch {
    return [];
  }
};
