import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Of a process and all its descendants, by `/proc` (Linux). Postgres is counted for itself. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly postgresCpuSeconds: number;
  readonly rssBytes: number;
  /** The highest since the start or the last `resetPeaks`, each process at its own time. */
  readonly peakRssBytes: number;
}

/** Linux reports times in hundredths of a second on every architecture (USER_HZ). */
const TICKS_PER_SECOND = 100;

export const usageOf = (rootPid: number): Usage => {
  const tree = treeOf(rootPid);
  const servers = tree.filter(({ isPostgres }) => !isPostgres);
  const memories = servers.map(({ pid }) => memoryOf(pid));
  return {
    cpuSeconds: sum(servers.map(({ ticks }) => ticks)) / TICKS_PER_SECOND,
    postgresCpuSeconds:
      sum(tree.filter(({ isPostgres }) => isPostgres).map(({ ticks }) => ticks)) / TICKS_PER_SECOND,
    rssBytes: sum(memories.map(({ rssBytes }) => rssBytes)),
    peakRssBytes: sum(memories.map(({ peakBytes }) => peakBytes)),
  };
};

/** Forgets the highest memory use so far: proc(5), clear_refs, 5. */
export const resetPeaks = (rootPid: number): void => {
  for (const { pid, isPostgres } of treeOf(rootPid)) {
    if (!isPostgres) ignoreGone(() => writeFileSync(`/proc/${pid}/clear_refs`, '5'));
  }
};

interface Entry {
  readonly pid: number;
  readonly parent: number;
  readonly isPostgres: boolean;
  /** With those of children that have ended and were waited for. */
  readonly ticks: number;
}

const treeOf = (rootPid: number): readonly Entry[] => {
  const all = readdirSync('/proc').flatMap((name) => {
    const entry = /^\d+$/u.test(name) ? entryOf(Number(name)) : undefined;
    return entry === undefined ? [] : [entry];
  });
  const found = all.filter(({ pid }) => pid === rootPid);
  for (const { pid } of found) found.push(...all.filter(({ parent }) => parent === pid));
  return found;
};

const entryOf = (pid: number): Entry | undefined =>
  ignoreGone(() => {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const end = text.lastIndexOf(')');
    const fields = text.slice(end + 2).split(' ');
    return {
      pid,
      parent: Number(fields[1]),
      isPostgres: text.slice(text.indexOf('(') + 1, end) === 'postgres',
      ticks: sum(fields.slice(11, 15).map(Number)),
    };
  });

const memoryOf = (pid: number): { rssBytes: number; peakBytes: number } => {
  const text = ignoreGone(() => readFileSync(`/proc/${pid}/status`, 'latin1')) ?? '';
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'mu').exec(text)?.[1] ?? 0) * 1_024;
  return { rssBytes: field('VmRSS'), peakBytes: field('VmHWM') };
};

/** A process may end between two looks. */
const ignoreGone = <T>(look: () => T): T | undefined => {
  try {
    return look();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
};

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
