import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPendingFiles, type PendingFiles } from './pending-files.ts';

const INTERVAL_MS = 200;

const at = (options: { maxFiles?: number } = {}) => {
  const time = { nowMs: 0 };
  const pending = createPendingFiles({
    minIntervalMs: INTERVAL_MS,
    maxFiles: options.maxFiles ?? 100,
    clock: () => time.nowMs,
  });
  return { time, pending, mark: (fileId: string, sinceMs = 1) => mark(pending, fileId, sinceMs) };
};
const mark = (pending: PendingFiles, fileId: string, sinceMs: number): boolean =>
  pending.mark({ fileId, sinceMs, isAborted: false });
const ids = (pending: PendingFiles, limit = 100): string[] => pending.take(limit).map(({ fileId }) => fileId);

describe('files to be told of', () => {
  it('are taken at once when they were quiet, and once however often they changed', () => {
    const { pending, mark } = at();
    for (let change = 0; change < 1_000; change += 1) mark('a');
    mark('b');
    expect(pending.dueInMs()).toBe(0);
    expect(ids(pending)).toEqual(['a', 'b']);
    expect([ids(pending), pending.dueInMs(), pending.size]).toEqual([[], null, 0]);
  });

  it('wait for the interval to pass, alone, and are not lost', () => {
    const { time, pending, mark } = at();
    mark('a');
    ids(pending);
    time.nowMs = 50;
    mark('a');
    mark('b');
    expect(ids(pending)).toEqual(['b']);
    expect(pending.dueInMs()).toBe(150);
    time.nowMs = INTERVAL_MS;
    expect([pending.dueInMs(), ids(pending)]).toEqual([0, ['a']]);
  });

  it('remember since when there is something to tell, and that an upload was given up', () => {
    const { pending, mark } = at();
    expect(pending.oldestMs()).toBeNull();
    mark('a', 30);
    mark('b', 20);
    pending.mark({ fileId: 'a', sinceMs: 40, isAborted: true });
    mark('a', 50);
    expect(pending.oldestMs()).toBe(20);
    expect(pending.take(1)).toEqual([{ fileId: 'a', sinceMs: 30, isAborted: true }]);
  });

  it('are refused when there is no room, except those that wait already', () => {
    const { pending, mark } = at({ maxFiles: 2 });
    expect(['a', 'b', 'c', 'a'].map((id) => mark(id))).toEqual([true, true, false, true]);
    expect(pending.size).toBe(2);
  });

  it('are all told of after their last change, never more often than the interval allows', () => {
    const change = fc.record({
      file: fc.constantFrom('a', 'b', 'c'),
      afterMs: fc.nat(400),
      isTaken: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const { time, pending, mark } = at();
        const changedAt = new Map<string, number>();
        const takenAt = new Map<string, number[]>();
        const take = (): void => {
          for (const id of ids(pending)) takenAt.set(id, [...(takenAt.get(id) ?? []), time.nowMs]);
        };
        for (const { file, afterMs, isTaken } of changes) {
          time.nowMs += afterMs;
          mark(file);
          changedAt.set(file, time.nowMs);
          if (isTaken) take();
        }
        for (let dueMs = pending.dueInMs(); dueMs !== null; dueMs = pending.dueInMs()) {
          time.nowMs += dueMs;
          take();
        }
        for (const [file, lastMs] of changedAt)
          expect(takenAt.get(file)?.at(-1)).toBeGreaterThanOrEqual(lastMs);
        for (const times of takenAt.values()) {
          const gaps = times.slice(1).map((ms, index) => ms - (times[index] ?? 0));
          expect(Math.min(INTERVAL_MS, ...gaps)).toBe(INTERVAL_MS);
        }
      }),
    );
  });
});
