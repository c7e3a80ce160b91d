import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { WebSocketClientTransport } from '@modelcontextprotocol/sdk/client/websocket.js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createApi, type FileObject, sha256 } from '../support/create-api.ts';
import { stepsOf } from '../support/guide-steps.ts';
import { pdf } from '../support/make-content.ts';
import { type McpTarget, toMcpConfiguration } from '../support/mcp-configurations.ts';
import { readGuide } from '../support/read-guide.ts';
import { type GatewayProcess, makeHome, startGateway } from '../support/start-gateway.ts';
import { openWorkshop, type Workshop } from '../support/workshop.ts';

const run = promisify(execFile);

const CHECKOUT = join(import.meta.dirname, '../..');
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
const REPORT = pdf('The report of the third quarter.');

const blocks = readGuide('mcp.md');
const configurations = blocks.flatMap((block) => {
  const configuration = toMcpConfiguration(block);
  return configuration === null ? [] : [{ block, ...configuration }];
});
const steps = stepsOf(blocks.filter((block) => toMcpConfiguration(block) === null));

/** What the guide calls /home/ada. */
let home: string;
let gateway: GatewayProcess;

beforeAll(async () => {
  home = await makeHome();
  await mkdir(join(home, 'documents'));
  await writeFile(join(home, 'documents/report.pdf'), REPORT);
  gateway = await startGateway({ env: { ALLOWED_PATHS: join(home, 'documents') } });
});

/** What the guide calls by names of its own, and what that is here. */
const names = (): Readonly<Record<string, string>> => ({
  'https://waybill.example.com': gateway.url,
  'wss://waybill.example.com': gateway.url.replace(/^http/u, 'ws'),
  '/opt/waybill': CHECKOUT,
  // What a companion leaves that had to be killed ends with the home, if it is here.
  '/home/ada/.waybill': join(home, 'data'),
  '/home/ada': home,
  'eyJ…': gateway.token,
});
const here = (text: string): string =>
  Object.entries(names()).reduce((replaced, [name, value]) => replaced.replaceAll(name, value), text);

/** As much of a client as both of the SDK's have. */
interface Session {
  listTools(): Promise<{ tools: readonly { name: string }[] }>;
  callTool(call: { name: string; arguments: Record<string, unknown> }): Promise<object>;
  close(): Promise<void>;
}

const connect = async (target: McpTarget): Promise<Session> => {
  const client = new Client({ name: 'guide', version: '1.0.0' });
  if (target.kind === 'stdio') {
    const { command, args, env } = target;
    // Nothing is left in the home directory of whoever runs the tests, nor listens where a gateway of theirs may be.
    await client.connect(
      new StdioClientTransport({
        command,
        args: [...args],
        env: { PORT: '0', ...env, HOME: home },
        cwd: '/',
      }),
    );
    return client;
  }
  const { url, headers } = target;
  if (target.kind === 'http') {
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
    return client;
  }
  vi.stubGlobal('WebSocket', withHeaders(headers));
  try {
    const oldClient = new OldClient({ name: 'guide', version: '1.0.0' });
    await oldClient.connect(new WebSocketClientTransport(new URL(url)));
    return oldClient;
  } finally {
    vi.unstubAllGlobals();
  }
};

/** What clients in programs add to the SDK's transport, which leaves it to the browser. */
const withHeaders = (headers: Readonly<Record<string, string>>) =>
  class extends WebSocket {
    constructor(url: string | URL, protocols: string) {
      // Node takes headers here as well.
      super(url, { protocols, headers } as unknown as string);
    }
  };

const call = async (session: Session, name: string, given: Record<string, unknown>): Promise<object> => {
  const result = (await session.callTool({ name, arguments: given })) as {
    isError?: boolean;
    structuredContent?: object;
  };
  if (result.isError === true || result.structuredContent === undefined)
    throw new Error(`${name}: ${JSON.stringify(result)}`);
  return result.structuredContent;
};

/** What an agent without the file at hand does: it runs the command that it is given, where the file is. */
const uploadByUrl = async (session: Session): Promise<string> => {
  const wanted = { filename: 'report.pdf', provider: 'none' };
  const { curl } = (await call(session, 'create_upload_url', wanted)) as { curl: string };
  const { stdout } = await run('bash', ['-c', `${curl} -sS`], { cwd: join(home, 'documents') });
  return (JSON.parse(stdout) as FileObject).id;
};

describe('docs/guides/mcp.md', () => {
  /** The first that runs everything itself; the others of its kind join it, which is sooner done than starting again. */
  let owner: Session | null = null;
  afterAll(() => owner?.close());

  it.each(configurations)('line $line, $place', async ({ block }) => {
    const configuration = toMcpConfiguration({ ...block, text: here(block.text) });
    if (configuration === null) throw new Error('Not a configuration.');
    const target = await configuration.target({ WAYBILL_TOKEN: gateway.token });
    const isHere = target.kind === 'stdio' && !target.args.includes('--url');
    const session = await connect(target);
    try {
      const { tools } = await session.listTools();
      expect(tools.map(({ name }) => name).toSorted()).toEqual(TOOLS);
      const path = join(home, 'documents/report.pdf');
      const uploaded = (await call(session, 'upload_file', { path, provider: 'none' })) as { id: string };
      const ids = [uploaded.id, ...(target.kind === 'stdio' ? [] : [await uploadByUrl(session)])];
      for (const id of ids)
        expect(await call(session, 'get_file', { id })).toMatchObject({ filename: 'report.pdf' });
      const outside = call(session, 'upload_file', { path: '/etc/hostname', provider: 'none' });
      await expect(outside).rejects.toThrow('path_not_allowed');
      const answer = await createApi(gateway).call('GET', `/v1/files/${uploaded.id}`);
      expect(answer.status).toBe(isHere ? 404 : 200);
      if (!isHere) expect(answer.file().sha256).toBe(sha256(REPORT));
    } finally {
      if (isHere && owner === null) owner = session;
      else await session.close();
    }
  });
});

describe('the programs of docs/guides/mcp.md', () => {
  let workshop: Workshop;
  beforeAll(async () => {
    const directory = join(gateway.home, 'mcp.md');
    await mkdir(directory);
    workshop = await openWorkshop({ directory, gateway, files: {}, names: names() });
  });
  afterAll(() => workshop?.close());

  it.for(steps)('$title', async (step, { skip }) => {
    if (!(await workshop.run(step))) skip('No browser can be started here.');
  });
});

describe('a configuration that its client would not take', () => {
  const remote = '"url":"https://waybill.example.com/mcp"';

  it.each([
    ['claude mcp add', 'claude mcp add --env A=b waybill -- node waybill.js mcp'],
    ['claude mcp add', 'claude mcp add waybill https://waybill.example.com/mcp'],
    ['.mcp.json', `{"mcpServers":{"waybill":{${remote}}}}`],
    ['.mcp.json', `{"mcpServers":{"waybill":{"command":"\${NOWHERE}"}}}`],
    ['claude_desktop_config.json', `{"mcpServers":{"waybill":{${remote}}}}`],
    ['.cursor/mcp.json', `{"servers":{"waybill":{${remote}}}}`],
    ['.vscode/mcp.json', `{"servers":{"waybill":{${remote}}}}`],
    [
      '.codex/config.toml',
      '[mcp_servers.waybill]\nurl = "https://waybill.example.com/mcp"\nbearer_token = "a"',
    ],
    ['.gemini/settings.json', `{"mcpServers":{"waybill":{${remote}}}}`],
  ])('is refused: %s: %s', async (place, text) => {
    const configuration = toMcpConfiguration({ language: 'any', text, line: 1, lead: `In \`${place}\`:` });
    await expect(configuration?.target({})).rejects.toThrow();
  });
});
