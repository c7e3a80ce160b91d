import { describe, expect, it } from 'vitest';
import type { PassObject, ProviderObject } from '../../../src/client/browser.ts';
import { findProblems, type Known } from './find-problems.ts';

const NOW = 1_800_000_000;
const HOUR = 3_600;

const NOTHING: Known = {
  isAdmin: true,
  providers: null,
  quota: null,
  statistics: null,
  passes: null,
  undelivered: null,
  graceUntil: null,
  expiresAt: null,
};

const provider = (facts: Partial<ProviderObject>): ProviderObject => ({
  id: 'kimi',
  object: 'provider',
  account: 'abc',
  emulated: false,
  limits: { max_file_bytes: 100, max_files: 100, max_total_bytes: 1_000, lifetime_seconds: null },
  purposes: {},
  content: 'none',
  used: { files: 1, bytes: 1 },
  breaker: 'closed',
  last_activity_at: null,
  ...facts,
});

const pass = (facts: Partial<PassObject>): PassObject =>
  ({
    id: 'pass-1',
    object: 'pass',
    kind: 'cleanup',
    dry_run: false,
    status: 'completed',
    started_at: NOW - HOUR,
    ended_at: NOW - HOUR,
    message: null,
    report: null,
    ...facts,
  }) as PassObject;

const textsOf = (known: Partial<Known>): readonly string[] =>
  findProblems({ ...NOTHING, ...known }, NOW).map(({ text }) => text);

describe('the problems that the overview names', () => {
  it('are none while nothing is known, or all is well', () => {
    expect(textsOf({})).toEqual([]);
    expect(
      textsOf({ providers: [provider({})], passes: [pass({})], undelivered: 0, expiresAt: NOW + 2 * HOUR }),
    ).toEqual([]);
  });

  it('have a provider that fails for everybody, and one that is nearly full for admins', () => {
    const providers = [provider({ breaker: 'open', used: { files: 95, bytes: 1 } })];
    expect(textsOf({ providers })).toEqual([
      'Kimi keeps failing. Deliveries to it wait until it is back.',
      'Kimi is 95% full. Copies that were used least recently make room.',
    ]);
    expect(textsOf({ providers, isAdmin: false })).toHaveLength(1);
  });

  it('have a pass that stopped, unless a later one did not, and a cleanup that is overdue', () => {
    const stopped = pass({ status: 'stopped', message: 'Too much.' });
    expect(textsOf({ passes: [stopped] })).toEqual(['The last cleanup stopped itself: Too much.']);
    expect(textsOf({ passes: [pass({}), stopped] })).toEqual([]);
    expect(textsOf({ passes: [pass({ dry_run: true }), stopped] })).toHaveLength(1);
    expect(textsOf({ passes: [pass({ started_at: NOW - 60 * HOUR })] })).toHaveLength(1);
  });

  it('have requests without a token, a token that ends soon, and files that nobody took', () => {
    expect(textsOf({ graceUntil: NOW + HOUR, expiresAt: NOW + 60, undelivered: 2 })).toHaveLength(3);
  });
});
