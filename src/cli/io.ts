import type { Readable, Writable } from 'node:stream';

/** Where a command reads and writes, so that it can be run without a process. */
export interface Io {
  readonly stdin: Readable;
  /** For what was asked for, which another program may read. */
  readonly stdout: Writable;
  /** For people: progress, errors. */
  readonly stderr: Writable;
  /** Whether `stderr` is a terminal that shows a moving line. */
  readonly isTerminal: boolean;
  /** Whether `stdout` is a terminal, which would obey escape sequences in a file's text. */
  readonly isOutputTerminal: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts on the user's Ctrl-C. */
  readonly interrupted: AbortSignal;
}
