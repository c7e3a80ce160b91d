import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

export interface StartOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Its working directory, and where its log goes. */
  readonly directory: string;
}

/** A process that the bench has started and ends. */
export interface StartedProcess {
  readonly pid: number;
  /** The first line it printed. Rejects when it ends without one. */
  readonly firstLine: Promise<string>;
  readonly exited: Promise<unknown>;
  kill(): Promise<void>;
  /** Asks it to end and insists after 30 s. Idempotent. */
  stop(): Promise<void>;
}

const STOP_MS = 30_000;
const READY_MS = 60_000;
const running = new Set<ChildProcess>();
// Whatever way the bench ends, nothing that it started goes on.
process.once('exit', () => {
  for (const child of running) child.kill('SIGTERM');
});

export const startProcess = ({ name, command, args, env, directory }: StartOptions): StartedProcess => {
  const log = openSync(join(directory, `${name}.log`), 'a');
  const child = spawn(command, args, { cwd: directory, env, stdio: ['ignore', 'pipe', log] });
  closeSync(log);
  running.add(child);
  const exited = once(child, 'exit').finally(() => running.delete(child));
  exited.catch(() => undefined);
  const lines = createInterface({ input: child.stdout ?? Readable.from([]) });
  const firstLine = new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    exited.then(
      () => reject(new Error(`${name} ended at its start; see ${name}.log in --dir.`)),
      (error) => reject(error),
    );
  });
  firstLine.catch(() => undefined);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    const insist = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await exited;
    clearTimeout(insist);
  };
  return { pid: child.pid ?? 0, firstLine, exited, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
};

export const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('A TCP server has no port.');
  return address.port;
};

/** Waits until a port takes connections. Rejects after 60 s. */
export const untilListening = async (port: number): Promise<void> => {
  const deadline = performance.now() + READY_MS;
  while (!(await accepts(port))) {
    if (performance.now() > deadline) throw new Error(`Nothing listens on port ${port}.`);
    await delay(50);
  }
};

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
