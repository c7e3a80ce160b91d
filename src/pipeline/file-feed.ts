import { setTimeout as pause } from 'node:timers/promises';
import { changedFiles, recordTime } from '../tracking/changed-files.ts';
import type { Dependencies } from './dependencies.ts';

/** That a file may have changed. What became of it, its reception or the record says. */
export interface FileNews {
  readonly fileId: string;
  /** Since when, at the earliest, in the record's time. */
  readonly sinceMs: number;
  /** Its reception was given up: no record will say more. */
  readonly isAborted: boolean;
}

interface FollowedFiles {
  /** The record's time from which on nothing is missed. */
  readonly startsAtMs: number;
  /** Ends it. Idempotent. */
  close(): void;
}

interface Follower {
  readonly onNews: (news: FileNews) => void;
  /** Whether changes from before the start are wanted too, which commit late. */
  readonly isResuming: boolean;
}

/**
 * Tells news of owners' files: at once what this process does, and within about a second what other instances do. However
 * many follow, the record is looked at once a second for all of them, and not at all for nobody.
 */
export interface FileFeed {
  /** The record's time up to which everything has been told. Meaningful while somebody follows. */
  lookedUntilMs(): number;
  /** Resolves once nothing is missed any more; rejects when the record cannot be read. The caller closes it. */
  follow(owner: string, follower: Follower): Promise<FollowedFiles>;
}

const LOOK_EVERY_MS = 1_000;
/** How far a look reaches back behind the last one: longer than a transaction of ours takes from its begin to its commit. */
const OVERLAP_MS = 2_000;
/** A row younger than this may change once more in the same millisecond, which its time would not show. */
const SETTLED_MS = 500;
const PAGE_FILES = 1_000;

export const createFileFeed = ({
  database,
  changes,
  receptions,
  stopping,
  log,
}: Pick<Dependencies, 'database' | 'changes' | 'receptions' | 'stopping' | 'log'>): FileFeed => {
  /** By owner; each with the time before which changes in the record are not for it. */
  const followers = new Map<string, Map<Follower, number>>();
  const told = new Map<string, number>();
  let lookedUntilMs: number | null = null;
  let started: Promise<void> | null = null;
  const now = (): number => lookedUntilMs ?? 0;
  const tell = (owner: string, news: FileNews, changedAtMs = Number.POSITIVE_INFINITY): void => {
    for (const [follower, startsAtMs] of followers.get(owner) ?? []) {
      if (changedAtMs >= startsAtMs) follower.onNews(news);
    }
  };
  changes.listen((fileId, owner) => tell(owner, { fileId, sinceMs: now(), isAborted: false }));
  receptions.listen(({ fileId, owner, outcome }) =>
    tell(owner, { fileId, sinceMs: now(), isAborted: outcome === 'aborted' }),
  );

  const tellChanges = async (sinceMs: number, untilMs: number): Promise<void> => {
    let page = { since: new Date(sinceMs), after: '' };
    while (true) {
      const changed = await changedFiles(database, [...followers.keys()], { ...page, limit: PAGE_FILES });
      for (const { id, owner, changedAt } of changed) {
        const changedAtMs = changedAt.getTime();
        if (told.get(id) === changedAtMs) continue;
        if (untilMs - changedAtMs > SETTLED_MS) told.set(id, changedAtMs);
        tell(owner, { fileId: id, sinceMs: changedAtMs, isAborted: false }, changedAtMs);
      }
      const last = changed.at(-1);
      if (last === undefined || changed.length < PAGE_FILES) return;
      page = { since: last.changedAt, after: last.id };
    }
  };
  const look = async (): Promise<void> => {
    // Asked first, so that what commits during the look is in reach of the next.
    const untilMs = (await recordTime(database)).getTime();
    if (lookedUntilMs !== null) await tellChanges(lookedUntilMs - OVERLAP_MS, untilMs);
    lookedUntilMs = untilMs;
    for (const [id, changedAtMs] of told) if (changedAtMs < untilMs - OVERLAP_MS) told.delete(id);
  };
  const lookOn = async (): Promise<void> => {
    while (true) {
      await pause(LOOK_EVERY_MS, undefined, { signal: stopping, ref: false }).catch(() => undefined);
      if (followers.size === 0 || stopping.aborted) break;
      await look().catch((error) => log.warn({ event: 'events_look_failed', err: error }));
    }
    [started, lookedUntilMs] = [null, null];
    told.clear();
  };
  const start = async (): Promise<void> => {
    try {
      await look();
    } catch (error) {
      started = null;
      throw error;
    }
    void lookOn();
  };

  return {
    lookedUntilMs: now,
    follow: async (owner, follower) => {
      const theirs = followers.get(owner) ?? new Map<Follower, number>();
      const { isResuming } = follower;
      followers.set(owner, theirs.set(follower, isResuming ? 0 : Number.POSITIVE_INFINITY));
      const close = (): void => {
        theirs.delete(follower);
        if (theirs.size === 0 && followers.get(owner) === theirs) followers.delete(owner);
      };
      try {
        started ??= start();
        await started;
        const startsAtMs = (await recordTime(database)).getTime();
        if (!isResuming) theirs.set(follower, startsAtMs);
        return { startsAtMs, close };
      } catch (error) {
        close();
        throw error;
      }
    },
  };
};
