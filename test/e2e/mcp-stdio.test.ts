import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { randomText } from '../support/random-text.ts';
import { runWaybill } from '../support/run-waybill.ts';
import { startCompanion } from '../support/start-companion.ts';
import { type GatewayProcess, makeHome, startGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const PROGRAM = join(import.meta.dirname, '../../bin/waybill.js');
const SIZE_BYTES = 50 * 2 ** 20;
const TOOLS = [
  'create_upload_url',
  'delete_file',
  'deliver_file',
  'get_file',
  'get_quota',
  'list_files',
  'read_file_content',
  'upload_file',
];

let gateway: GatewayProcess;
let home: string;
let env: Readonly<Record<string, string>>;
let path: string;

beforeAll(async () => {
  gateway = await startGateway();
  home = await makeHome();
  await mkdir(join(home, 'files'));
  path = join(home, 'files/large.txt');
  await writeFile(path, randomText(SIZE_BYTES));
  env = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    WAYBILL_URL: gateway.url,
    WAYBILL_TOKEN: gateway.token,
    ALLOWED_PATHS: join(home, 'files'),
  };
});

const isRising = (values: readonly number[]): boolean =>
  values.every((value, index) => index === 0 || value > (values[index - 1] ?? 0));

describe('a client of the official SDK on standard input and output', () => {
  it('has all tools and uploads 50 MB with progress (version 2)', async () => {
    const companion = await startCompanion({ cwd: home, env });
    const { tools } = await companion.client.listTools();
    expect(tools.map(({ name }) => name).toSorted()).toEqual(TOOLS);
    const seen: number[] = [];
    const { structured, text: said } = await companion.call(
      'upload_file',
      { path, provider: 'kimi' },
      { onprogress: ({ progress }) => seen.push(progress) },
    );
    expect(structured, said).toMatchObject({ bytes: SIZE_BYTES, status: 'processed' });
    expect(seen.length).toBeGreaterThan(1);
    expect(isRising(seen)).toBe(true);
    expect(companion.stderr()).toBe('');
    await companion.close();
  });

  it('has all tools and uploads 50 MB with progress (version 1)', async () => {
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [PROGRAM, 'mcp'],
      cwd: home,
      env,
    });
    const client = new Client({ name: 'waybill-test', version: '1.0.0' });
    await client.connect(transport);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name).toSorted()).toEqual(TOOLS);
    const seen: number[] = [];
    const answer = await client.callTool(
      { name: 'upload_file', arguments: { path, provider: 'none' } },
      undefined,
      { onprogress: ({ progress }) => seen.push(progress) },
    );
    expect(answer.structuredContent).toMatchObject({ bytes: SIZE_BYTES });
    expect(seen.length).toBeGreaterThan(1);
    expect(isRising(seen)).toBe(true);
    await client.close();
  });
});

/** A client that says exactly what it is told. */
interface RawClient {
  readonly child: ChildProcess;
  say(line: string): void;
  /** The next line that is said to it, which must be JSON. */
  hear(): Promise<Record<string, unknown>>;
  exited: Promise<unknown[]>;
}

const startRaw = (args: readonly string[] = []): RawClient => {
  const child = spawn(process.execPath, [PROGRAM, 'mcp', ...args], {
    cwd: home,
    env: { ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  const lines: string[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  });
  return {
    child,
    say: (line) => child.stdin.write(`${line}\n`),
    hear: async () => JSON.parse(await until('a line', () => lines.shift())),
    exited,
  };
};

const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 'first',
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'waybill-test', version: '1.0.0' },
  },
});
const PING = '{"jsonrpc":"2.0","id":"ping","method":"ping"}';

const begin = async (): Promise<RawClient> => {
  const raw = startRaw();
  raw.say(INITIALIZE);
  expect(await raw.hear()).toMatchObject({ id: 'first', result: { serverInfo: { name: 'waybill' } } });
  raw.say('{"jsonrpc":"2.0","method":"notifications/initialized"}');
  return raw;
};

describe('waybill mcp', () => {
  it('U47 answers what is no message, and lives on', async () => {
    const raw = await begin();
    for (const [line, answer] of [
      ['hello', { id: null, error: { code: -32_700 } }],
      ['[{"jsonrpc":"2.0","id":1,"method":"ping"}]', { id: null, error: { code: -32_600 } }],
      ['{"jsonrpc":"2.0","id":3,"method":7}', { id: 3, error: { code: -32_600 } }],
      [
        `{"jsonrpc":"2.0","id":4,"method":"${'a'.repeat(6_000_000)}"}`,
        { id: null, error: { code: -32_600 } },
      ],
      ['{"jsonrpc":"2.0","id":5,"method":"no/such"}', { id: 5, error: { code: -32_601 } }],
      [
        '{"jsonrpc":"2.0","id":6,"method":"tools/call","params":{"name":"no_such"}}',
        { id: 6, error: { code: -32_602 } },
      ],
      [
        '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get_file","arguments":{"ID":1}}}',
        { id: 7, result: { isError: true } },
      ],
    ] as const) {
      raw.say(line);
      expect(await raw.hear(), line.slice(0, 80)).toMatchObject(answer);
      raw.say(PING);
      expect(await raw.hear()).toEqual({ jsonrpc: '2.0', id: 'ping', result: {} });
    }
    raw.child.stdin?.end();
    expect(await raw.exited).toEqual([0, null]);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends on %s, and has said nothing else', async (signal) => {
    const raw = await begin();
    if (raw.child.stderr === null) throw new Error('No standard error.');
    const stderr = text(raw.child.stderr);
    raw.child.kill(signal);
    expect(await raw.exited).toEqual([0, null]);
    expect(await stderr).toBe('');
  });

  it('ends when its input ends before anything was said', async () => {
    const raw = startRaw();
    raw.child.stdin?.end();
    expect(await raw.exited).toEqual([0, null]);
  });

  it.each([
    [['--url', 'http://127.0.0.1:1'], {}, 2, /A token for .* is needed/u],
    [['--url', 'nonsense', '--token', 'a'], {}, 2, /--url is no address/u],
    [['surplus'], {}, 2, /one argument too many/u],
    [[], { PORT: 'many' }, 78, /PORT: got "many"/u],
    [[], { ALLOWED_PATHS: '/proc' }, 78, /ALLOWED_PATHS must not lead to/u],
    [[], { DATA_DIR: join(PROGRAM, 'data') }, 1, /bin\/waybill\.js\/data cannot be used/u],
  ] as const)('ends at once when it is called with %j and %j', async (args, given, exitCode, sentence) => {
    const ended = await runWaybill(['mcp', ...args], { cwd: home, env: { HOME: home, ...given } });
    expect(ended.exitCode, ended.stderr).toBe(exitCode);
    expect(ended.stdout).toBe('');
    expect(ended.stderr).toMatch(sentence);
  });
});
