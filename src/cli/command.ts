import type { Io } from './io.ts';
import type { Local } from './local.ts';
import type { Completion, Options, Values } from './options.ts';

/** A command as it was called. */
export interface Invocation<O extends Options> {
  readonly values: Values<O>;
  readonly operands: readonly string[];
  /** Everything behind the name of the command, as it was given. */
  readonly args: readonly string[];
  readonly io: Io;
  readonly local: Local;
}

/** Runs a command. Answers with the exit code; what it rejects with is reported by `run-cli.ts`. */
export type Run<O extends Options> = (invocation: Invocation<O>) => Promise<number>;

/** A row of the table of commands: all that is known of one before its code is loaded. */
export interface Command {
  readonly summary: string;
  /** What follows the name, for the help. */
  readonly usage: string;
  readonly operands: {
    readonly name: string;
    readonly min: number;
    readonly max: number;
    readonly completes?: Completion;
  };
  readonly options: Options;
  readonly run: Run<Options>;
}

const NO_OPERANDS = { name: '', min: 0, max: 0 };

/** Makes a row whose code is loaded when it runs, checked against the options the row names. */
export const defineCommand = <O extends Options>({
  load,
  operands = NO_OPERANDS,
  ...rest
}: Pick<Command, 'summary' | 'usage'> & {
  readonly options: O;
  readonly operands?: Command['operands'];
  readonly load: () => Promise<Run<O>>;
}): Command => ({
  ...rest,
  operands,
  // The values were parsed by `options`, which is of type O.
  run: async (invocation) => (await load())(invocation as Invocation<O>),
});
