import type { Row, Sample, Target } from './bench-case.ts';
import { type Spread, spreadOf } from './measure/statistics.ts';

export type Verdict = 'met' | 'missed' | 'failures' | 'not measured';

export interface Judged {
  readonly target: Target;
  /** Null when a contender is not here or has no such route. */
  readonly spread: Spread | null;
  readonly verdict: Verdict;
}

/** A target is met by the median over the rounds, and by no run in which something failed. */
export const judgeTarget = (target: Target, rows: readonly Row[]): Judged => {
  const samples = target.of.map((name) => rows.find((row) => row.name === name)?.samples ?? []);
  const rounds = (samples[0] ?? []).map(({ round }) =>
    samples.map((ofOne) => ofOne.find((sample) => sample.round === round)),
  );
  const paired = rounds.filter((round): round is Sample[] => round.every((sample) => sample !== undefined));
  const hasFailures = paired.flat().some(({ failures }) => Object.keys(failures).length > 0);
  const spread = spreadOf(paired.map((round) => target.value(...round)).filter(Number.isFinite));
  if (hasFailures) return { target, spread, verdict: 'failures' };
  if (spread === null) return { target, spread, verdict: 'not measured' };
  const isMet = target.bound === 'at most' ? spread.median <= target.limit : spread.median >= target.limit;
  return { target, spread, verdict: isMet ? 'met' : 'missed' };
};
