import type { Candidate } from './candidates/candidate.ts';
import type { Sink } from './candidates/sink.ts';
import type { Waybill } from './candidates/waybill.ts';
import type { Client } from './client/client.ts';

/** Sizes of a run, in MiB and files; what `--quick` and the flags change. */
export interface Sizes {
  readonly largeMiB: number;
  readonly smallFiles: number;
  readonly manyUploads: number;
  readonly manyMiB: number;
}

/** What a case works with. It starts candidates by it, and all of them are stopped for it. */
export interface Bench {
  readonly sizes: Sizes;
  /** Distinct for each case; a fresh directory. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  readonly client: Client;
  readonly sink: Sink;
  /** A path to `tusd`; null when there is none on this machine. */
  readonly tusd: string | null;
  /** A number that no other load of the run has. */
  seed(): number;
  startWaybill(): Promise<Waybill>;
  /** Stops it at the end of the case. */
  use<T extends Candidate>(candidate: T): T;
}

/** What one run of a contender came to. */
export interface Measured {
  readonly seconds: number;
  /** Files that were done as the case asks; failed ones count for nothing. */
  readonly files: number;
  readonly bytes: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  /** What this case is after besides, by name. */
  readonly values?: Readonly<Record<string, number>>;
}

/** One line of a case's table: a candidate with a way to use it. */
export interface Contender {
  readonly name: string;
  readonly does: string;
  readonly candidate: Candidate;
  /** Before the first round, not measured: code compiled, pools filled. */
  warmUp(): Promise<void>;
  /** Resolves once everything that the upload caused is done. Rejects with `UnsupportedError`. */
  run(): Promise<Measured>;
  /** After each round, not measured. */
  clear(): Promise<void>;
}

export interface Sample extends Measured {
  readonly round: number;
  readonly cpuSeconds: number;
  readonly postgresCpuSeconds: number;
  readonly peakRssBytes: number;
  /** The peak above what it had after the warm-up, before the first round: memory that is kept from round to round counts in each. */
  readonly growthBytes: number;
}

export interface Row {
  readonly name: string;
  readonly does: string;
  /** `unsupported`: the candidate has no such route. */
  readonly state: 'measured' | 'unsupported';
  readonly samples: readonly Sample[];
}

export interface Target {
  readonly text: string;
  readonly bound: 'at most' | 'at least';
  readonly limit: number;
  readonly unit: string;
  /** The contenders that it is about, Waybill's first. */
  readonly of: readonly string[];
  /** For each round; the samples are in the order of `of`. */
  readonly value: (...samples: Sample[]) => number;
}

export interface BenchCase {
  readonly name: string;
  readonly title: (sizes: Sizes) => string;
  /** Page cache to touch before each run, as multiples of the large file. */
  readonly touches: number;
  readonly targets: readonly Target[];
  open(bench: Bench): Promise<readonly Contender[]>;
}
