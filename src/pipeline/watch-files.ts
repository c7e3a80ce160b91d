import { changedFiles } from '../tracking/changed-files.ts';
import { createBell } from './bell.ts';
import type { Dependencies } from './dependencies.ts';
import type { FileFeed, FileNews } from './file-feed.ts';
import { createPendingFiles } from './pending-files.ts';
import { createStateReader, type FileState } from './read-states.ts';

/** The newest state of one file. Whoever resumes from `cursorMs`, in the record's time, misses nothing that is not told yet. */
export type FileEvent = FileState & { readonly cursorMs: number };

export interface WatchFiles {
  readonly owner: string;
  /** A cursor: begin with the present state of every file that has changed since. Without it only what changes from now on. */
  readonly sinceMs?: number | undefined;
  /** Must abort in the end; the events end then. */
  readonly signal: AbortSignal;
}

export interface WatchedFiles {
  readonly cursorMs: number;
  /**
   * Ends when the signal aborts or the gateway stops, and rejects when the record cannot be read. A reader that takes its
   * time is told less often, never more at once: between two events nothing grows but the list of files that wait.
   */
  readonly events: AsyncIterable<FileEvent>;
}

/** Four a second for a file, so that no second has more than five, whatever is delayed on the way. */
const MIN_INTERVAL_MS = 250;
/** More files than that are not waited for one by one: the record is paged through again for them. */
const MAX_PENDING = 10_000;
const PAGE_FILES = 50;
/** Behind a cursor: longer than any transaction of ours is open, since a change bears the time of its begin. */
const OVERLAP_MS = 5_000;

/** Follows the files of one owner. Resolves once nothing is missed any more. */
export const watchFiles = async (
  dependencies: Pick<Dependencies, 'database' | 'receptions' | 'stopping'>,
  feed: FileFeed,
  { owner, sinceMs, signal: given }: WatchFiles,
): Promise<WatchedFiles> => {
  const { database, receptions, stopping } = dependencies;
  const signal = AbortSignal.any([given, stopping]);
  const pending = createPendingFiles({ minIntervalMs: MIN_INTERVAL_MS, maxFiles: MAX_PENDING });
  const bell = createBell();
  /** Where the record is to be paged from, when what changed is not all in `pending`. */
  let behind: Position | null = sinceMs === undefined ? null : { atMs: sinceMs - OVERLAP_MS, after: '' };
  const onNews = (news: FileNews): void => {
    const atMs = news.sinceMs - OVERLAP_MS;
    if (!pending.mark(news)) behind = { atMs: Math.min(behind?.atMs ?? atMs, atMs), after: '' };
    bell.ring();
  };

  const { startsAtMs, close } = await feed.follow(owner, { onNews, isResuming: sinceMs !== undefined });
  signal.addEventListener('abort', close, { once: true });
  if (signal.aborted) close();
  if (sinceMs !== undefined) {
    for (const { fileId } of receptions.of(owner)) onNews({ fileId, sinceMs: startsAtMs, isAborted: false });
  }

  const catchUp = async ({ atMs, after }: Position): Promise<void> => {
    const page = { since: new Date(atMs), after, limit: PAGE_FILES };
    const changed = await changedFiles(database, [owner], page);
    const last = changed.at(-1);
    // Before the marks: one that finds no room sets it anew.
    behind =
      last === undefined || changed.length < PAGE_FILES
        ? null
        : { atMs: last.changedAt.getTime(), after: last.id };
    for (const { id, changedAt } of changed)
      onNews({ fileId: id, sinceMs: changedAt.getTime(), isAborted: false });
  };
  const cursorOf = (taken: readonly FileNews[]): number => {
    const unsure = [pending.oldestMs(), behind?.atMs, ...taken.map((news) => news.sinceMs)];
    const oldestMs = Math.min(feed.lookedUntilMs(), ...unsure.filter((ms) => typeof ms === 'number'));
    return Math.max(oldestMs, sinceMs ?? startsAtMs);
  };
  const read = createStateReader(dependencies, owner);

  async function* events(): AsyncGenerator<FileEvent> {
    try {
      while (!signal.aborted) {
        if (behind !== null && pending.size < PAGE_FILES) await catchUp(behind);
        const taken = pending.take(PAGE_FILES);
        const cursorMs = cursorOf(taken);
        for await (const state of read(taken)) yield { cursorMs, ...state };
        if (taken.length === 0) await bell.rung({ timeoutMs: pending.dueInMs(), signal });
      }
    } finally {
      close();
    }
  }
  return { cursorMs: sinceMs ?? startsAtMs, events: events() };
};

interface Position {
  readonly atMs: number;
  readonly after: string;
}
