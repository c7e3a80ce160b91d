import { PassThrough, Readable } from 'node:stream';
import { createLocal } from '../../src/app/local.ts';
import { runCli } from '../../src/cli/run-cli.ts';

export interface WaybillCall {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Readable;
  readonly isTerminal?: boolean;
  readonly isOutputTerminal?: boolean;
  readonly interrupted?: AbortSignal;
}

/** Runs the command line as a process would, without one. Nothing of this process's environment is seen. */
export const callWaybill = async (args: readonly string[], call: WaybillCall = {}) => {
  const env = call.env ?? {};
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const sink = (name: 'stdout' | 'stderr'): PassThrough =>
    new PassThrough().on('data', (chunk: Buffer) => output[name].push(chunk));
  const io = {
    stdin: call.stdin ?? Readable.from([]),
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    isTerminal: call.isTerminal ?? false,
    isOutputTerminal: call.isOutputTerminal ?? false,
    env,
    interrupted: call.interrupted ?? new AbortController().signal,
  };
  const exitCode = await runCli(args, io, createLocal(env));
  io.stdout.end();
  io.stderr.end();
  const bytes = Buffer.concat(output.stdout);
  return { exitCode, bytes, stdout: bytes.toString(), stderr: Buffer.concat(output.stderr).toString() };
};

/** The error that `--json` wrote. */
export const errorIn = (stderr: string): Record<string, unknown> => JSON.parse(stderr).error;
