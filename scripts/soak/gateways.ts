import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { spawnWaybill } from '../../test/support/run-waybill.ts';
import { until } from '../../test/support/until.ts';

/** One instance through its lives, each a process of its own on the same directory. */
export interface Gateway {
  readonly dataDir: string;
  /** Where it answers; null while it is being started. One that is stopped has its address still. */
  url(): string | null;
  /** Resolves when it is ready. Rejects with what it has said when it ends instead. */
  start(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGSTOP, and SIGCONT after so long. */
  stall(forMs: number): Promise<void>;
  /** SIGTERM, and SIGKILL when that does not end it. Answers with the exit code, null when it had to be killed. */
  end(): Promise<number | null>;
}

export interface GatewayOptions {
  readonly name: string;
  /** Holds its DATA_DIR. */
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  /** Gets what it logs. */
  readonly write: (name: string, text: string) => void;
}

const START_DEADLINE_MS = 60_000;
const END_DEADLINE_MS = 40_000;
const WORDS_KEPT = 4_000;

export const createGateway = async ({ name, home, env, write }: GatewayOptions): Promise<Gateway> => {
  const dataDir = join(home, name);
  await mkdir(dataDir, { recursive: true });
  let child: ChildProcess | null = null;
  let exited: Promise<unknown> = Promise.resolve();
  let url: string | null = null;

  const signal = async (kind: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    url = null;
    child?.kill(kind);
    await exited;
  };
  return {
    dataDir,
    url: () => url,
    start: async () => {
      const born = spawnWaybill(['serve'], { cwd: dataDir, env: { ...env, PORT: '0', DATA_DIR: dataDir } });
      child = born;
      exited = once(born, 'exit');
      const hasEnded = (): boolean => born.exitCode !== null || born.signalCode !== null;
      let said = '';
      born.stdout
        ?.setEncoding('utf8')
        .on('data', (text: string) => (said = (said + text).slice(-WORDS_KEPT)));
      let ready: string | null = null;
      born.stderr?.setEncoding('utf8').on('data', (text: string) => {
        write(name, text);
        said += text;
        ready ??= /"event":"ready","url":"([^"]+)"/u.exec(said)?.[1] ?? null;
        said = said.slice(-WORDS_KEPT);
      });
      const look = () => ready ?? hasEnded();
      await until(`${name} is ready`, look, { deadlineMs: START_DEADLINE_MS });
      if (ready === null) throw new Error(`${name} ended at its start: ${said}`);
      url = ready;
    },
    kill: () => signal('SIGKILL'),
    stall: async (forMs) => {
      child?.kill('SIGSTOP');
      await pause(forMs);
      child?.kill('SIGCONT');
    },
    end: async () => {
      const late = setTimeout(() => child?.kill('SIGKILL'), END_DEADLINE_MS);
      await signal('SIGTERM').finally(() => clearTimeout(late));
      return child?.exitCode ?? null;
    },
  };
};
