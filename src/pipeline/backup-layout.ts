import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { systemCode } from '../core/errors.ts';
import { StartupError } from '../platform/startup-error.ts';
import type { RecordTable } from '../tracking/record-export.ts';

/**
 * A backup on disk: `blobs/ab/<sha256>` holds contents, `records-<time>/<table>.jsonl` the rows, and `manifest.json`, which
 * is written last, says which of the latter are the newest whole backup. A backup that was cut off leaves the manifest as
 * it was.
 */
export interface Manifest {
  readonly format: 'waybill-backup';
  readonly version: 1;
  readonly recordedAt: string;
  readonly migrations: readonly string[];
  /** The directory of the rows. */
  readonly records: string;
  readonly tables: Readonly<Record<RecordTable, ManifestTable>>;
  /** Files whose content is not there, with what became of it. */
  readonly exceptions: Readonly<Record<string, 'deleted' | 'damaged'>>;
  readonly files: number;
}

export interface ManifestTable {
  readonly rows: number;
  readonly sha256: string;
  readonly columns: readonly string[];
}

const MANIFEST = 'manifest.json';

export const contentPath = (directory: string, sha256: string): string =>
  join(directory, 'blobs', sha256.slice(0, 2), sha256);

/** Rejects with `StartupError` when there is no whole backup. */
export const readManifest = async (directory: string): Promise<Manifest> => {
  const text = await readFile(join(directory, MANIFEST), 'utf8').catch((error) => {
    throw new StartupError(
      `There is no whole backup in ${directory} (${systemCode(error) ?? 'unreadable'}): name the directory that a completed \`waybill backup\` was given.`,
      { cause: error },
    );
  });
  const manifest = parseJson(text);
  if (isManifest(manifest)) return manifest;
  throw new StartupError(
    `${join(directory, MANIFEST)} is not the manifest of a backup that this version can read.`,
  );
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

const isManifest = (value: unknown): value is Manifest =>
  typeof value === 'object' &&
  value !== null &&
  'format' in value &&
  value.format === 'waybill-backup' &&
  'version' in value &&
  value.version === 1;

/** Replaces the manifest in one step. */
export const writeManifest = async (directory: string, manifest: Manifest): Promise<void> => {
  const unfinished = join(directory, `${MANIFEST}.part`);
  await writeFile(unfinished, `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600, flush: true });
  await rename(unfinished, join(directory, MANIFEST));
  await syncDirectory(directory);
};

/** Writes lines to a private file. Resolves once they are durable. */
export const writeLines = async (
  path: string,
  lines: AsyncIterable<string>,
  onLine: (line: string) => void = () => undefined,
): Promise<{ rows: number; sha256: string }> => {
  const hash = createHash('sha256');
  const handle = await open(path, 'wx', 0o600);
  let rows = 0;
  let pending = '';
  const flush = async (): Promise<void> => {
    const bytes = Buffer.from(pending);
    pending = '';
    hash.update(bytes);
    await handle.appendFile(bytes);
  };
  try {
    for await (const line of lines) {
      onLine(line);
      rows += 1;
      pending += `${line}\n`;
      if (pending.length > 2 ** 18) await flush();
    }
    await flush();
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { rows, sha256: hash.digest('hex') };
};

/** The lines of a file, one after the other. */
export const readLines = (path: string): AsyncIterable<string> =>
  createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });

/** Size and SHA-256 of a file; null when there is none. */
export const digestOf = async (path: string): Promise<{ sizeBytes: number; sha256: string } | null> => {
  try {
    const { size: sizeBytes } = await stat(path);
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk);
    return { sizeBytes, sha256: hash.digest('hex') };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
};

/**
 * Puts a content in its place once all of it is there and is what it should be. Answers false, and leaves nothing, when it
 * is not.
 */
export const writeContent = async (
  directory: string,
  { sha256, sizeBytes }: { readonly sha256: string; readonly sizeBytes: number },
  bytes: AsyncIterable<Buffer>,
): Promise<boolean> => {
  const path = contentPath(directory, sha256);
  const unfinished = `${path}.part-${randomBytes(6).toString('hex')}`;
  const shard = join(path, '..');
  await mkdir(shard, { recursive: true, mode: 0o700 });
  try {
    const hash = createHash('sha256');
    let written = 0;
    const handle = await open(unfinished, 'wx', 0o600);
    try {
      for await (const chunk of bytes) {
        hash.update(chunk);
        written += chunk.length;
        await handle.appendFile(chunk);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (written !== sizeBytes || hash.digest('hex') !== sha256) return false;
    await rename(unfinished, path);
    await syncDirectory(shard);
    return true;
  } finally {
    await rm(unfinished, { force: true });
  }
};

const syncDirectory = async (path: string): Promise<void> => {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
};
