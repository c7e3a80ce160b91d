import type { FileNews } from './file-feed.ts';

/**
 * Which files one reader has yet to be told of: each once, however often it changed, and none more often than
 * `minIntervalMs` apart. What is marked is taken at once when the file was quiet, else when its time has come; never lost.
 */
export interface PendingFiles {
  /** False when there is no room: the caller must find the file again by itself. */
  mark(news: FileNews): boolean;
  /** Up to `limit` files whose time has come, the longest waiting first; they wait no longer. */
  take(limit: number): readonly FileNews[];
  /** Until `take` has something; null when nothing waits. */
  dueInMs(): number | null;
  /** Since when, in the record's time, there is something to be told of; null when nothing waits. */
  oldestMs(): number | null;
  readonly size: number;
}

export interface PendingFilesOptions {
  readonly minIntervalMs: number;
  readonly maxFiles: number;
  readonly clock?: () => number;
}

export const createPendingFiles = ({
  minIntervalMs,
  maxFiles,
  clock = () => performance.now(),
}: PendingFilesOptions): PendingFiles => {
  const waiting = new Map<string, FileNews>();
  /** In the order of time, so that the oldest are the first to be forgotten. */
  const takenAtMs = new Map<string, number>();
  const waitOf = (fileId: string, nowMs: number): number =>
    (takenAtMs.get(fileId) ?? Number.NEGATIVE_INFINITY) + minIntervalMs - nowMs;
  const forget = (nowMs: number): void => {
    for (const [fileId, atMs] of takenAtMs) {
      if (atMs + minIntervalMs > nowMs) return;
      takenAtMs.delete(fileId);
    }
  };
  return {
    mark: (news) => {
      const earlier = waiting.get(news.fileId);
      if (earlier === undefined && waiting.size >= maxFiles) return false;
      // In its old place: what came first goes first.
      const sinceMs = Math.min(earlier?.sinceMs ?? news.sinceMs, news.sinceMs);
      waiting.set(news.fileId, {
        ...news,
        sinceMs,
        isAborted: news.isAborted || earlier?.isAborted === true,
      });
      return true;
    },
    take: (limit) => {
      const nowMs = clock();
      forget(nowMs);
      const taken: FileNews[] = [];
      for (const [fileId, news] of waiting) {
        if (taken.length >= limit) break;
        if (waitOf(fileId, nowMs) > 0) continue;
        waiting.delete(fileId);
        takenAtMs.set(fileId, nowMs);
        taken.push(news);
      }
      return taken;
    },
    dueInMs: () => {
      const nowMs = clock();
      let soonestMs: number | null = null;
      for (const fileId of waiting.keys()) {
        const waitMs = Math.max(0, waitOf(fileId, nowMs));
        soonestMs = Math.min(soonestMs ?? waitMs, waitMs);
        if (soonestMs === 0) break;
      }
      return soonestMs;
    },
    oldestMs: () => {
      let oldestMs: number | null = null;
      for (const { sinceMs } of waiting.values()) oldestMs = Math.min(oldestMs ?? sinceMs, sinceMs);
      return oldestMs;
    },
    get size() {
      return waiting.size;
    },
  };
};
