import { describe, expect, it } from 'vitest';
import { type RetentionOutlook, refuseRemoval } from './retention-guard.ts';

const DAY_MS = 86_400_000;
const DAILY = { periodMs: DAY_MS };
const now = new Date('2026-11-23T03:00:00Z');

const outlook = (changes: Partial<RetentionOutlook> & { gapDays?: number } = {}): RetentionOutlook => {
  const { gapDays = 1, ...rest } = changes;
  const witnessedAt = new Date(now.getTime() - gapDays * DAY_MS);
  return { now, witnessedAt, liveFiles: 1_000, dueFiles: 0, unexpectedFiles: 0, ...rest };
};

describe('the guard of retention', () => {
  it('lets ordinary life go on, though every file ends on one day', () => {
    expect(refuseRemoval(outlook({ dueFiles: 1_000 }), DAILY)).toBeNull();
  });

  it('lets a few files go, whatever their share and however long they have been due', () => {
    expect(refuseRemoval(outlook({ liveFiles: 100, dueFiles: 100, unexpectedFiles: 100 }), DAILY)).toBeNull();
  });

  it('lets many files go that are a small share', () => {
    expect(refuseRemoval(outlook({ dueFiles: 300, unexpectedFiles: 300 }), DAILY)).toBeNull();
  });

  it('stops before a large share of many files that were not due when the last cleanup looked', () => {
    expect(refuseRemoval(outlook({ dueFiles: 301, unexpectedFiles: 301 }), DAILY)).toMatch(
      /^301 of 1000 files would go .*--force$/u,
    );
  });

  it('S24: removes nothing when the clock has jumped by years, however few files there are', () => {
    expect(refuseRemoval(outlook({ liveFiles: 3, dueFiles: 3, gapDays: 3_650 }), DAILY)).toMatch(
      /3650 days ago.*the removal of 3 files with: waybill cleanup --force$/u,
    );
  });

  it('S24: is not held up by a clock that went back, or forth by a day', () => {
    expect(refuseRemoval(outlook({ dueFiles: 900, gapDays: -1 }), DAILY)).toBeNull();
    expect(refuseRemoval(outlook({ dueFiles: 900, gapDays: 2 }), DAILY)).toBeNull();
  });

  it('allows for schedules with long periods', () => {
    const monthly = { periodMs: 31 * DAY_MS };
    expect(refuseRemoval(outlook({ dueFiles: 5, gapDays: 31 }), monthly)).toBeNull();
    expect(refuseRemoval(outlook({ dueFiles: 5, gapDays: 63 }), monthly)).not.toBeNull();
  });

  it('has nothing to say while nothing is due', () => {
    expect(refuseRemoval(outlook({ gapDays: 400 }), DAILY)).toBeNull();
  });
});
