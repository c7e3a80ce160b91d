import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { BenchCase, Sizes } from './bench-case.ts';
import { cases } from './cases.ts';

export interface Flags {
  readonly cases: readonly BenchCase[];
  readonly rounds: number;
  readonly sizes: Sizes;
  /** Below it every file of the run is kept; it exists. */
  readonly directory: string;
  /** Keeps logs and profiles instead of removing everything. */
  readonly keep: boolean;
  readonly json: string | null;
  readonly tusd: string | null;
  /** The checkout of Waybill that is measured. */
  readonly waybill: string;
  /** Where to write CPU profiles of Waybill; null: none. */
  readonly profile: string | null;
}

export const USAGE = `npm run bench -- [flags]
  --only NAMES    cases with commas between: ${cases.map(({ name }) => name).join(', ')}
  --rounds N      rounds of each case, every candidate once a round (default 5)
  --size-mb N     size of the large file in MiB (default 1024)
  --files N       number of 10 KB files in a round (default 3000)
  --quick         one round of small sizes, to see that everything runs; its figures mean nothing
  --json FILE     also writes every sample
  --dir DIR       where files are written (default: the system's directory for temporary files)
  --keep          keeps the servers' logs in it
  --tusd PATH     a tusd binary (default: TUSD, then the PATH)
  --waybill DIR   another checkout of Waybill, installed
  --profile DIR   runs Waybill under Node's CPU profiler; then its figures are not comparable
`;

/** Rejects bad flags with a sentence. */
export const parseFlags = (args: readonly string[]): Flags | 'help' => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      rounds: { type: 'string' },
      'size-mb': { type: 'string' },
      files: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      dir: { type: 'string', default: tmpdir() },
      keep: { type: 'boolean', default: false },
      tusd: { type: 'string' },
      waybill: { type: 'string', default: join(import.meta.dirname, '..') },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { quick } = values;
  return {
    cases: chosen(values.only),
    rounds: count('--rounds', values.rounds, quick ? 1 : 5),
    sizes: {
      largeMiB: count('--size-mb', values['size-mb'], quick ? 64 : 1_024),
      smallFiles: count('--files', values.files, quick ? 300 : 3_000),
      manyUploads: quick ? 8 : 50,
      manyMiB: quick ? 4 : 20,
    },
    directory: values.dir,
    keep: values.keep,
    json: values.json ?? null,
    tusd: values.tusd ?? null,
    waybill: values.waybill,
    profile: values.profile ?? null,
  };
};

const chosen = (only: string | undefined): readonly BenchCase[] => {
  if (only === undefined) return cases;
  return only.split(',').map((name) => {
    const found = cases.find((candidate) => candidate.name === name);
    if (found === undefined)
      throw new Error(`There is no case ${name}; there are ${cases.map((one) => one.name).join(', ')}.`);
    return found;
  });
};

const count = (flag: string, given: string | undefined, initial: number): number => {
  const value = given === undefined ? initial : Number(given);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${flag} wants a whole number above 0.`);
  return value;
};
