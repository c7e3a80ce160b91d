import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const PROGRAM = join(import.meta.dirname, '../../bin/waybill.js');

/** What a process needs from its surroundings; provider keys and our own variables are not inherited. */
const SURROUNDINGS = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'USER'];

export interface WaybillOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Where it runs. Nothing is read from there but a `.env`. */
  readonly cwd: string;
}

/** Starts the program as a user does. The caller waits for its end or ends it. */
export const spawnWaybill = (args: readonly string[], { env, cwd }: WaybillOptions): ChildProcess => {
  const inherited = SURROUNDINGS.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return spawn(process.execPath, [PROGRAM, ...args], {
    cwd,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
};

export interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program to its end. */
export const runWaybill = async (args: readonly string[], options: WaybillOptions): Promise<Finished> => {
  const child = spawnWaybill(args, options);
  const [stdout, stderr, [exitCode]] = await Promise.all([
    child.stdout === null ? '' : text(child.stdout),
    child.stderr === null ? '' : text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { exitCode, stdout, stderr };
};
