import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord } from './settings.ts';

/** A file an emulated provider holds. */
export interface StoredFile {
  readonly id: string;
  readonly filename: string;
  readonly bytes: number;
  /** Hex SHA-256 of the bytes. */
  readonly sha256: string;
  readonly purpose: string;
  /** Unix seconds. */
  readonly createdAt: number;
  /** Unix seconds; absent for a file that stays until deleted. */
  readonly expiresAt?: number;
  /** The Content-Type of the part it came in. */
  readonly mediaType: string;
  /** Why the provider could not process it, where it keeps such a file. */
  readonly problem: string | null;
  /** Order of arrival; tells newest from oldest within one second. */
  readonly sequence: number;
}

/** A file that is gone, and whether a client of the API deleted it, the control plane made it vanish, or it expired. */
interface RemovedFile {
  readonly file: StoredFile;
  readonly by: 'client' | 'control' | 'expiry';
}

interface ShelfUsage {
  readonly files: number;
  readonly bytes: number;
}

/** Files and their index in one directory, there again after a restart. Holds one file descriptor until `close`. */
export interface FileShelf {
  /** Where to write bytes that may be kept; nothing under such a path outlives a restart. */
  incomingPath(): string;
  /**
   * Takes the bytes at `path` over. In the list as soon as the call returns, in the index when the
   * promise resolves; gone from both, and from the disk, when it rejects.
   */
  keep(path: string, file: Omit<StoredFile, 'sequence'>): Promise<StoredFile>;
  find(id: string): StoredFile | null;
  /** Newest first. */
  files(): readonly StoredFile[];
  /** How much is stored, in constant time; of one purpose, or of all. */
  usage(purpose?: string): ShelfUsage;
  /** Newest last, the last 10,000. */
  removed(): readonly RemovedFile[];
  /** False when there is no such file. */
  remove(id: string, by: RemovedFile['by']): Promise<boolean>;
  pathOf(file: StoredFile): string;
  /** Ends writing to the index; the directory stays. */
  close(): Promise<void>;
}

// Bounds memory in a long run; far above what a test looks back at.
const MAX_REMOVED = 10_000;

/** Opens the shelf in `directory`, which is made if missing, and drops what an interrupted run left half done. */
export const openFileShelf = async (directory: string): Promise<FileShelf> => {
  const kept = join(directory, 'files');
  const incoming = join(directory, 'incoming');
  const indexPath = join(directory, 'index.jsonl');
  await rm(incoming, { recursive: true, force: true });
  await Promise.all([mkdir(kept, { recursive: true }), mkdir(incoming, { recursive: true })]);

  const { files, removed } = readIndex(await readFile(indexPath, 'utf8').catch(emptyIfMissing));
  await rewriteIndex(indexPath, { files, removed });
  const strays = (await readdir(kept)).filter((name) => !files.has(name));
  await Promise.all(strays.map((name) => rm(join(kept, name), { force: true })));

  // By purpose, and under null the sum.
  const usage = new Map<string | null, ShelfUsage>();
  for (const file of files.values()) count(usage, file, 1);
  const index = await open(indexPath, 'a');
  const append = (line: IndexLine): Promise<unknown> => index.appendFile(`${JSON.stringify(line)}\n`);
  const pathOf = (file: StoredFile): string => join(kept, file.id);
  let sequence = lastSequence({ files, removed });

  return {
    incomingPath: () => join(incoming, randomUUID()),
    keep: async (path, details) => {
      sequence += 1;
      const file = { ...details, sequence };
      // Listed before the first wait, so that a limit checked in the same turn cannot be passed twice.
      files.set(file.id, file);
      count(usage, file, 1);
      try {
        await rename(path, pathOf(file));
        await append({ kept: file });
      } catch (error) {
        files.delete(file.id);
        count(usage, file, -1);
        await rm(path, { force: true });
        throw error;
      }
      return file;
    },
    find: (id) => files.get(id) ?? null,
    // A Map keeps the order of insertion, also through the index.
    files: () => [...files.values()].reverse(),
    usage: (purpose) => usage.get(purpose ?? null) ?? { files: 0, bytes: 0 },
    removed: () => removed,
    remove: async (id, by) => {
      const file = files.get(id);
      if (file === undefined) return false;
      files.delete(id);
      count(usage, file, -1);
      removed.push({ file, by });
      if (removed.length > MAX_REMOVED) removed.shift();
      await append({ removed: { file, by } });
      await rm(pathOf(file), { force: true });
      return true;
    },
    pathOf,
    close: () => index.close(),
  };
};

type IndexLine = { kept: StoredFile } | { removed: RemovedFile };
interface Index {
  files: Map<string, StoredFile>;
  removed: RemovedFile[];
}

const count = (usage: Map<string | null, ShelfUsage>, { purpose, bytes }: StoredFile, by: 1 | -1): void => {
  for (const key of [purpose, null]) {
    const before = usage.get(key) ?? { files: 0, bytes: 0 };
    usage.set(key, { files: before.files + by, bytes: before.bytes + by * bytes });
  }
};

const lastSequence = ({ files, removed }: Index): number =>
  [...files.values(), ...removed.map(({ file }) => file)].reduce(
    (last, file) => Math.max(last, file.sequence),
    0,
  );

const readIndex = (lines: string): Index => {
  const index: Index = { files: new Map(), removed: [] };
  for (const line of lines.split('\n')) {
    const entry = readLine(line);
    if (entry === null) continue;
    if ('kept' in entry) index.files.set(entry.kept.id, entry.kept);
    else {
      index.files.delete(entry.removed.file.id);
      index.removed.push(entry.removed);
    }
  }
  return { ...index, removed: index.removed.slice(-MAX_REMOVED) };
};

// The last line of a killed process may be torn; what it would have said was never acknowledged.
const readLine = (line: string): IndexLine | null => {
  try {
    const entry: unknown = JSON.parse(line);
    return isRecord(entry) && (isRecord(entry.kept) || isRecord(entry.removed)) ? (entry as IndexLine) : null;
  } catch {
    return null;
  }
};

const rewriteIndex = async (path: string, { files, removed }: Index): Promise<void> => {
  const lines: IndexLine[] = [
    ...removed.map((gone) => ({ removed: gone })),
    ...[...files.values()].map((file) => ({ kept: file })),
  ];
  await writeFile(`${path}.new`, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  await rename(`${path}.new`, path);
};

const emptyIfMissing = (error: NodeJS.ErrnoException): string => {
  if (error.code === 'ENOENT') return '';
  throw error;
};
