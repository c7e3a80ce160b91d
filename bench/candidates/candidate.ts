import type { Destination } from '../client/job.ts';

/** A server that is measured, running. */
export interface Candidate {
  readonly name: string;
  /** The root of its processes. */
  readonly pid: number;
  /** What it does for an upload before it answers, to be read beside its figures. */
  readonly does: string;
  /** Removes what uploads left, so that disks do not fill up between rounds. Not part of any measurement. */
  clear(made: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

/** One with a single way in. */
export interface SimpleCandidate extends Candidate {
  readonly destination: Destination;
}

/** One whose uploads outlive it. */
export interface ResumableCandidate extends SimpleCandidate {
  /** Kills it without a warning and starts it again on what it left, under the same address. */
  killAndRestart(): Promise<void>;
  /** Of an upload that is complete, in hexadecimal. */
  sha256(location: string): Promise<string>;
}
