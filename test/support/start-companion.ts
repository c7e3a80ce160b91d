import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll } from 'vitest';
import { until } from './until.ts';

const PROGRAM = join(import.meta.dirname, '../../bin/waybill.js');

export interface StartCompanionOptions {
  /** Where it runs, which is its `HOME` too. */
  readonly cwd: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What a tool has answered with. */
interface Answered {
  readonly isError: boolean;
  readonly text: string;
  readonly structured: Readonly<Record<string, unknown>>;
}

interface Progress {
  readonly progress: number;
  readonly total?: number | undefined;
}

interface CallOptions {
  readonly onprogress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/** A running `waybill mcp` with a client of the official SDK at its standard input and output. */
export interface Companion {
  readonly client: Client;
  readonly pid: number;
  stderr(): string;
  call(tool: string, args?: Readonly<Record<string, unknown>>, options?: CallOptions): Promise<Answered>;
  kill9(): Promise<void>;
  /** Closes its input, and waits until it has ended. */
  close(): Promise<void>;
}

const CALL_MS = 60_000;
const running = new Set<Companion>();

// Registered when a test file imports this.
afterAll(async () => {
  await Promise.all([...running].map((companion) => companion.close()));
});

export const startCompanion = async ({
  cwd,
  args = [],
  env = {},
}: StartCompanionOptions): Promise<Companion> => {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [PROGRAM, 'mcp', ...args],
    cwd,
    env: { PATH: process.env.PATH ?? '', HOME: cwd, ...env },
    stderr: 'pipe',
  });
  let stderr = '';
  transport.stderr?.on('data', (chunk: Buffer) => (stderr += chunk));
  const client = new Client({ name: 'waybill-test', version: '1.0.0' });
  await client.connect(transport);
  const { pid } = transport;
  if (pid === null) throw new Error(`The companion has ended: ${stderr}`);
  const hasGone = () => until('the companion has ended', () => !isAlive(pid));
  const companion: Companion = {
    client,
    pid,
    stderr: () => stderr,
    call: async (name, given = {}, options = {}) => {
      const answer = await client.callTool({ name, arguments: given }, { timeout: CALL_MS, ...options });
      const [first] = answer.content;
      return {
        isError: answer.isError === true,
        text: first?.type === 'text' ? first.text : '',
        structured: (answer.structuredContent ?? {}) as Record<string, unknown>,
      };
    },
    kill9: async () => {
      process.kill(pid, 'SIGKILL');
      await hasGone();
      running.delete(companion);
      await client.close();
    },
    close: async () => {
      await client.close();
      await hasGone();
      running.delete(companion);
    },
  };
  running.add(companion);
  return companion;
};

export const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
