import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createApi } from '../support/create-api.ts';
import { expectRefusal } from '../support/expect-refusal.ts';
import { connectMcp } from '../support/mcp-clients.ts';
import { type McpMessage, toolCall } from '../support/post-mcp.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, makeHome, startGateway } from '../support/start-gateway.ts';
import { type Providers, startProviders } from '../support/start-providers.ts';
import { until } from '../support/until.ts';

const MODERN = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

let gateway: GatewayProcess;
let providers: Providers;
let directory: string;
const sockets: WebSocket[] = [];

beforeAll(async () => {
  [providers, directory] = await Promise.all([startProviders(), makeHome()]);
  gateway = await startGateway({
    env: { ...providers.env, JWT_SECRET_KEY: JWT_SECRET, ALLOWED_PATHS: directory },
  });
});
afterAll(() => {
  for (const socket of sockets.splice(0)) socket.terminate();
});

interface Connecting {
  readonly to?: GatewayProcess;
  readonly path?: string;
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

interface Line {
  readonly socket: WebSocket;
  readonly seen: readonly McpMessage[];
  closed(): { readonly code: number; readonly reason: string } | null;
  /** Sends a message and answers with the one that has its id. */
  ask(message: McpMessage & { readonly jsonrpc?: string }): Promise<McpMessage>;
}

/** A client that says what it is told to. */
const connect = ({
  to = gateway,
  path = '/mcp',
  protocols = ['mcp'],
  headers = {},
}: Connecting = {}): Line => {
  const socket = new WebSocket(`${to.url.replace(/^http/u, 'ws')}${path}`, [...protocols], { headers });
  sockets.push(socket);
  const seen: McpMessage[] = [];
  let closed: ReturnType<Line['closed']> = null;
  socket.on('message', (data) => seen.push(JSON.parse(String(data))));
  socket.on('close', (code, reason) => {
    closed = { code, reason: String(reason) };
  });
  socket.on('error', () => undefined);
  return {
    socket,
    seen,
    closed: () => closed,
    ask: async (message) => {
      if (socket.readyState === socket.CONNECTING) await once(socket, 'open');
      const before = seen.length;
      socket.send(JSON.stringify(message));
      return until('the answer', () => seen.slice(before).find(({ id }) => id === message.id));
    },
  };
};
const bearer = (token = gateway.token) => ({ headers: { authorization: `Bearer ${token}` } });
const call = (id: number, name: string, args: object = {}, meta: object = {}) =>
  ({ ...toolCall(id, name, args, meta), id }) as const;

describe('MCP over a WebSocket', () => {
  it('takes its token from the header, the protocols or the address', async () => {
    const lines = [
      connect(bearer()),
      connect({ protocols: ['mcp', `bearer.${gateway.token}`] }),
      connect({ path: `/mcp?access_token=${gateway.token}` }),
    ];
    for (const line of lines) {
      expect((await line.ask(call(1, 'get_quota'))).result).toMatchObject({ structuredContent: {} });
      expect(line.socket.protocol).toBe('mcp');
    }
  });

  it('J41 J46 is closed with 1008 without a good one, and takes it from the address nowhere else', async () => {
    const expired = await signToken({ sub: 'ada', expiresInSeconds: -3_600 });
    const writer = await signToken({ sub: 'ada', scope: 'files:write' });
    const refused = [
      connect(),
      connect({ path: '/mcp?access_token=nonsense' }),
      connect({ path: `/mcp?access_token=${expired}` }),
      connect({ path: `/mcp?access_token=${gateway.token}`, ...bearer() }),
      connect({ path: `/mcp?access_token=${gateway.token}&access_token=${gateway.token}` }),
      connect({ path: `/v1/events?access_token=${gateway.token}`, protocols: ['waybill'] }),
    ];
    for (const line of refused)
      expect(await until('the close', line.closed)).toEqual({ code: 1008, reason: 'Unauthorized' });
    const unable = connect(bearer(writer));
    expect(await until('the close', unable.closed)).toEqual({ code: 1008, reason: 'Forbidden' });
  });

  it.each([
    [{ origin: 'https://evil.example' }, 'origin_not_allowed'],
    [{ host: 'evil.example' }, 'host_not_allowed'],
  ])('U48 is refused before the upgrade to %o', async (headers, code) => {
    const { socket } = connect({ headers: { ...bearer().headers, ...headers } });
    const [, response] = await once(socket, 'unexpected-response');
    expectRefusal({ status: response.statusCode, body: await text(response) }, [403, code]);
  });

  it('speaks the protocol of either era, as its client opens it', async () => {
    const modern = connect(bearer());
    const discovered = await modern.ask({
      jsonrpc: '2.0',
      id: 1,
      method: 'server/discover',
      params: { _meta: MODERN },
    });
    expect(discovered.result).toMatchObject({ supportedVersions: expect.arrayContaining(['2026-07-28']) });
    const answer = await modern.ask(call(2, 'get_quota', {}, MODERN));
    expect(answer.result).toMatchObject({ structuredContent: { files: { used: expect.any(Number) } } });
    const legacy = connect(bearer());
    const params = {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'x', version: '1' },
    };
    expect(await legacy.ask({ jsonrpc: '2.0', id: 1, method: 'initialize', params })).toMatchObject({
      result: { protocolVersion: '2025-06-18', serverInfo: { name: 'waybill' } },
    });
  });

  it('U46 U47 answers what is no message and stays, and ends for one that is binary or too large', async () => {
    const line = connect(bearer());
    await line.ask(call(1, 'get_quota'));
    for (const message of ['{"jsonrpc":', '[]', '7', '{"id":1}']) line.socket.send(message);
    await until('the answers', () => line.seen.length === 5);
    expect(line.seen.slice(1).map(({ id, error }) => [id, error?.code])).toEqual([
      [null, -32700],
      [null, -32600],
      [null, -32600],
      [null, -32600],
    ]);
    expect((await line.ask(call(2, 'shell'))).error).toMatchObject({ code: -32602 });
    expect((await line.ask(call(3, 'get_quota'))).result).toMatchObject({ structuredContent: {} });
    line.socket.send(Buffer.from(JSON.stringify(call(4, 'get_quota'))));
    expect((await until('the close', line.closed)).code).toBe(1003);
    const larger = connect(bearer());
    await once(larger.socket, 'open');
    larger.socket.send(JSON.stringify(call(1, 'get_file', { id: 'x'.repeat(300_000) })));
    expect((await until('the close', larger.closed)).code).toBe(1009);
    const fragmented = connect(bearer());
    await once(fragmented.socket, 'open');
    for (let n = 0; n < 1_000; n += 1) fragmented.socket.send('x', { fin: false });
    expect((await until('the close', fragmented.closed)).code).toBeOneOf([1006, 1008]);
    expect(gateway.hasEnded()).toBe(false);
  });

  it('ends with its token, and with it what runs', async () => {
    const token = await signToken({ sub: 'short', expiresInSeconds: 3 });
    const path = join(directory, 'short.txt');
    await writeFile(path, 'Too late for this.');
    await providers.glm.fault('slow-answer', { on: 'upload', delayMs: 20_000 });
    const line = connect(bearer(token));
    await once(line.socket, 'open');
    line.socket.send(JSON.stringify(call(1, 'upload_file', { path, provider: 'glm' })));
    expect(await until('the close', line.closed)).toEqual({ code: 1008, reason: 'Unauthorized' });
    expect(line.seen).toEqual([]);
    const again = createApi(gateway, await signToken({ sub: 'short' }));
    await until('it is taken back', async () => {
      const { data } = (await again.call('GET', '/v1/files')).json<{ data: unknown[] }>();
      return data.length === 0;
    });
  });

  it('cancels what runs when it closes', async () => {
    const token = await signToken({ sub: 'closer' });
    const path = join(directory, 'closed.txt');
    await writeFile(path, 'Nobody waits for this.');
    await providers.glm.fault('slow-answer', { on: 'upload', delayMs: 20_000 });
    const line = connect(bearer(token));
    await once(line.socket, 'open');
    line.socket.send(JSON.stringify(call(1, 'upload_file', { path, provider: 'glm' })));
    const api = createApi(gateway, token);
    const files = async () => (await api.call('GET', '/v1/files')).json<{ data: unknown[] }>().data.length;
    await until('it is safe', async () => (await files()) === 1);
    line.socket.terminate();
    await until('it is taken back', async () => (await files()) === 0);
  });

  it('has so many calls of one owner at once, and no more', async () => {
    const token = await signToken({ sub: 'busy' });
    const path = join(directory, 'busy.txt');
    await writeFile(path, 'Words of a busy person.');
    await providers.glm.fault('slow-answer', { on: 'upload', delayMs: 20_000, times: 40 });
    const line = connect(bearer(token));
    await once(line.socket, 'open');
    for (let id = 1; id <= 40; id += 1)
      line.socket.send(JSON.stringify(call(id, 'upload_file', { path, provider: 'glm' })));
    await until('the refusals', () => line.seen.length === 8);
    for (const { result } of line.seen)
      expect(result).toMatchObject({ isError: true, _meta: { 'waybill/error': { code: 'rate_limited' } } });
    const other = connect(bearer());
    expect((await other.ask(call(1, 'get_quota'))).result).toMatchObject({ structuredContent: {} });
    line.socket.terminate();
  });

  it('is one of at most 32 of an owner', async () => {
    const token = await signToken({ sub: 'many' });
    const lines = Array.from({ length: 32 }, () => connect(bearer(token)));
    await Promise.all(lines.map((line) => line.ask(call(1, 'get_quota'))));
    expect(await until('the close', connect(bearer(token)).closed)).toEqual({
      code: 1013,
      reason: 'rate_limited',
    });
    lines[0]?.socket.terminate();
    await until('there is room again', async () => {
      const line = connect(bearer(token));
      await once(line.socket, 'open');
      line.socket.send(JSON.stringify(call(1, 'get_quota')));
      await until('an answer', () => line.seen.length + (line.closed() === null ? 0 : 1) > 0);
      return line.closed() === null;
    });
  });

  it('counts each call against the limit', async () => {
    const limited = await startGateway({ env: { JWT_SECRET_KEY: JWT_SECRET, RATE_LIMIT_PER_MINUTE: '5' } });
    const client = await connectMcp(limited, 'WebSocket');
    for (let i = 0; i < 4; i += 1) expect((await client.call('get_quota')).isError).toBe(false);
    const refused = await client.call('get_quota');
    expect(refused).toMatchObject({ isError: true, error: { code: 'rate_limited' } });
    expect(refused.error?.retry_after_ms).toBeGreaterThan(0);
  });
});

describe('a stop', () => {
  it('lets running calls be answered, on every transport', async () => {
    const stopping = await startGateway({ env: { ...providers.env, ALLOWED_PATHS: directory } });
    const path = join(directory, 'stopped.txt');
    await writeFile(path, 'On its way when it stops.');
    await providers.kimi.fault('slow-answer', { on: 'upload', delayMs: 5_000, times: 3 });
    const kinds = ['HTTP 2026-07-28', 'HTTP 2025-11-25', 'WebSocket'] as const;
    const clients = await Promise.all(kinds.map((kind) => connectMcp(stopping, kind)));
    const calls = clients.map((client) => client.call('upload_file', { path, provider: 'kimi' }));
    const idle = connect({ to: stopping, ...bearer(stopping.token) });
    await until('all are safe', async () => {
      const { data } = (await createApi(stopping).call('GET', '/v1/files')).json<{ data: unknown[] }>();
      return data.length === 3;
    });
    const exitCode = stopping.stop();
    for (const answer of await Promise.all(calls)) {
      expect(answer).toMatchObject({ isError: false, structured: { status: 'uploaded' } });
      expect(answer.text).toContain('get_file tells how they end');
    }
    expect(await until('the close', idle.closed)).toMatchObject({ code: 1001 });
    expect(await exitCode).toBe(0);
  });
});
