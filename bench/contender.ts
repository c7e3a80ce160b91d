import type { Bench, Contender, Measured } from './bench-case.ts';
import type { Candidate } from './candidates/candidate.ts';
import type { Destination, Load, UploadOutcome } from './client/job.ts';
import { UnsupportedError } from './client/judge.ts';

export interface UploadContender {
  readonly name?: string;
  readonly candidate: Candidate;
  readonly does?: string;
  readonly to: Destination;
  readonly load: Omit<Load, 'seed'>;
  readonly warmUp: Omit<Load, 'seed'>;
  /** Accounts at the sink that have to have got every file whole. */
  readonly arrivesAt?: readonly string[];
  /** Bytes a second that each account at the sink takes. */
  readonly sinkBytesPerSecond?: number | null;
  /** Awaited before the run counts as over, though not in its time. */
  readonly settled?: () => Promise<void>;
}

/** A contender that sends one load to one destination. */
export const uploadContender = (bench: Bench, options: UploadContender): Contender => {
  const { candidate, to, load, warmUp, arrivesAt = [], sinkBytesPerSecond = null, settled } = options;
  let made: readonly string[] = [];
  const send = (how: Omit<Load, 'seed'>): Promise<UploadOutcome> =>
    bench.client.run({ kind: 'upload', to, load: { ...how, seed: bench.seed() } });
  return {
    name: options.name ?? candidate.name,
    does: options.does ?? candidate.does,
    candidate,
    warmUp: async () => {
      await bench.sink.reset();
      const { made: warm } = await send(warmUp).catch(ignoreUnsupported);
      await candidate.clear(warm);
    },
    run: async () => {
      await bench.sink.reset(sinkBytesPerSecond);
      const outcome = await send(load);
      await settled?.();
      made = outcome.made;
      const missing = await missingAt(bench, arrivesAt, load, outcome.succeeded);
      return measured(outcome, load.sizeBytes, missing);
    },
    // Small files stay, as they would; large ones would fill the disk.
    clear: async () => {
      if (load.sender === 'stream') await candidate.clear(made);
    },
  };
};

const measured = (outcome: UploadOutcome, sizeBytes: number, missing: number): Measured => {
  const { seconds, succeeded, failures, p50Ms, p99Ms } = outcome;
  const files = succeeded - missing;
  const lost: Record<string, number> =
    missing > 0 ? { 'said to be delivered, not at the sink': missing } : {};
  return { seconds, files, bytes: files * sizeBytes, failures: { ...failures, ...lost }, p50Ms, p99Ms };
};

/** How many of the files that are said to have arrived did not, whole, once, or twice. */
const missingAt = async (
  { sink }: Bench,
  accounts: readonly string[],
  { sizeBytes }: Pick<Load, 'sizeBytes'>,
  expected: number,
): Promise<number> => {
  const counters = await sink.counters();
  const missing = accounts.map((account) => {
    const { distinct = 0, uploads = 0, fileBytes = 0 } = counters[account] ?? {};
    // A few bytes to spare: not every sender ends its form alike.
    const isWhole = Math.abs(fileBytes - uploads * sizeBytes) <= uploads * 4;
    return isWhole ? Math.abs(expected - distinct) : expected;
  });
  return Math.max(0, ...missing);
};

const ignoreUnsupported = (error: unknown): { made: readonly string[] } => {
  if (error instanceof UnsupportedError) return { made: [] };
  throw error;
};

export const MIB = 2 ** 20;

/** One file of so many MiB, as fast as it is taken unless told. */
export const oneFile = (sizeMiB: number, bytesPerSecond: number | null = null): Omit<Load, 'seed'> => ({
  sender: 'stream',
  files: 1,
  sizeBytes: sizeMiB * MIB,
  connections: 1,
  bytesPerSecond,
});

export const SMALL_BYTES = 10 * 2 ** 10;

export const smallFiles = (files: number): Omit<Load, 'seed'> => ({
  sender: 'small',
  files,
  sizeBytes: SMALL_BYTES,
  connections: 32,
  bytesPerSecond: null,
});
