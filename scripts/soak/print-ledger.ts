import type { Pass } from './heal.ts';
import type { Ledger, Operation, Outcome } from './ledger.ts';
import type { Deeds } from './nemesis.ts';

export interface Verdict {
  readonly plan: {
    readonly minutes: number;
    readonly seed: number;
    readonly workers: number;
    readonly gateways: number;
    readonly pieces: number;
    readonly store: string;
    readonly stops: boolean;
  };
  readonly ledger: Ledger;
  readonly deeds: Deeds;
  /** How long after the storm nothing was under way any more. */
  readonly settledS: number;
  /** What there was of these before the passes. */
  readonly before: {
    readonly copies: ReadonlyMap<string, readonly string[]>;
    readonly blobs: readonly string[];
  };
  readonly passes: readonly Pass[];
}

/** The promises that are looked at, each with a line even when it was kept. */
const PROMISES = [
  'lost',
  'wrong bytes',
  'deleted and served',
  'unexpected',
  'file twice',
  'tus upload gone',
  'tus offset back',
  'leaked',
  'leaked blob',
  'ghost',
  'duplicated',
  'foreign touched',
  'quota difference',
  'delivery given up',
] as const;
const EXAMPLES = 10;
const NAME_WIDTH = 46;

type Print = (line: string) => void;

/** Prints the ledger of a run as a table, then what broke. */
export const printLedger = (
  print: Print,
  { plan, ledger, deeds, settledS, before, passes }: Verdict,
): void => {
  const line = (name: string, value: unknown): void => print(`${name.padEnd(NAME_WIDTH)} ${value}`);
  print(
    `${plan.gateways} gateway(s) on ${plan.store}, ${plan.workers} workers, ${plan.minutes} minutes, tus in ${plan.pieces} pieces, seed ${plan.seed}, ${plan.stops ? 'kills and stops' : 'kills'}`,
  );
  print(`${''.padEnd(NAME_WIDTH)} ok / refused / unknown`);
  for (const [operation, counts] of Object.entries(ledger.counts) as [Operation, Record<Outcome, number>][])
    line(operation, `${counts.ok} / ${counts.fail} / ${counts.unknown}`);
  line('kill -9', deeds.kills);
  line('stopped and continued', deeds.stops);
  line('provider faults', deeds.faults);
  for (const [note, count] of ledger.notes) if (!note.startsWith('a gateway')) line(note, count);
  line('settled after', `${settledS} s`);
  for (const [kind, found] of before.copies) line(`${kind} before the reconciliation`, found.length);
  line('leaked blobs before the cleanup', before.blobs.length);
  for (const pass of passes) line(pass.kind, summaryOf(pass));
  const kinds = new Set([...PROMISES, ...ledger.violations.keys()]);
  for (const kind of kinds) line(kind, ledger.violations.get(kind)?.length ?? 0);
  for (const [kind, found] of ledger.violations)
    for (const about of found.slice(0, EXAMPLES)) print(`  ${kind}: ${about}`);
  print(ledger.violations.size === 0 ? 'Every promise was kept.' : 'PROMISES WERE BROKEN.');
};

/** What a pass did; what it counted as nothing is left out. */
const summaryOf = ({ status, report }: Pass): string => {
  const some = (counts: Readonly<Record<string, number>> = {}): string[] =>
    Object.entries(counts).flatMap(([name, count]) => (count === 0 ? [] : [`${count} ${name}`]));
  const removed = some(report?.removed).map((words) => `${words} removed`);
  const accounts = (report?.accounts ?? []).map(({ provider, state, listed, foreign, ghosts, orphans }) =>
    [
      `${provider} ${state}, ${listed} listed, ${foreign} foreign`,
      ...some(ghosts).map((words) => `ghosts: ${words}`),
      ...some(orphans).map((words) => `orphans: ${words}`),
    ].join(', '),
  );
  return [status, ...removed, ...accounts].join('; ');
};
