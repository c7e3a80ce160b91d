import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import { beforeAll, describe, expect, it } from 'vitest';
import { createApi } from '../support/create-api.ts';
import { expectNothingKept, expectRefusal } from '../support/expect-refusal.ts';
import { connectMcp, mcpKinds } from '../support/mcp-clients.ts';
import { postMcp, toolCall } from '../support/post-mcp.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, makeHome, startGateway } from '../support/start-gateway.ts';
import { type Providers, startProviders } from '../support/start-providers.ts';
import { until } from '../support/until.ts';

let gateway: GatewayProcess;
let providers: Providers;
let directory: string;

beforeAll(async () => {
  [providers, directory] = await Promise.all([startProviders(), makeHome()]);
  gateway = await startGateway({
    env: {
      ...providers.env,
      JWT_SECRET_KEY: JWT_SECRET,
      ALLOWED_PATHS: directory,
      PUBLIC_URL: 'https://files.example.com',
      CORS_ORIGINS: 'https://app.example.com',
    },
  });
});

const initialize = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
};
const cancel = (requestId: number): object => ({
  jsonrpc: '2.0',
  method: 'notifications/cancelled',
  params: { requestId },
});

describe('what is no call', () => {
  it('U47 is answered as JSON-RPC has it, and nothing is kept of it', async () => {
    const answers = [
      ['{"jsonrpc":"2.0","id":1', 400, -32700],
      ['[]x', 400, -32700],
      ['', 400, -32700],
      ['7', 400, undefined],
      ['{"jsonrpc":"1.0","id":1,"method":"ping"}', 400, undefined],
      [JSON.stringify(Array.from({ length: 1_000 }, (_, i) => toolCall(i, 'get_quota'))), 400, -32600],
      [JSON.stringify(toolCall(1, 'get_file', { id: 'x'.repeat(300_000) })), 413, -32600],
      [JSON.stringify(toolCall(1, 'shell', { command: 'id' })), 200, -32602],
      ['{"jsonrpc":"2.0","id":1,"method":"files/upload"}', 200, -32601],
      [
        '{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///etc/passwd"}}',
        200,
        -32602,
      ],
      ['{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"nonsense"}}', 200, -32602],
    ] as const;
    for (const [message, status, code] of answers) {
      const answer = await postMcp(gateway, message);
      expect([answer.status, answer.body.length < 2_000], message.slice(0, 80)).toEqual([status, true]);
      const error = answer.messages[0]?.error;
      expect(error, message.slice(0, 80)).toMatchObject(code === undefined ? {} : { code });
      expect(answer.body).not.toMatch(/node_modules|\.ts\b|\n\s+at |\/tmp\//u);
    }
    await expectNothingKept(gateway);
  });

  it.each([
    'waybill://files/../../../etc/passwd',
    'waybill://files/%2e%2e%2f%2e%2e%2fetc%2fpasswd',
    'waybill://files//etc/passwd',
    'waybill://files/file-x/../../etc/passwd',
    'waybill://files/C:%5Cboot.ini',
    'waybill://files/file-none',
    'waybill://other/file-none',
  ])('U47 a path in the URI of a resource is not found: %s', async (uri) => {
    const client = await connectMcp(gateway, 'HTTP 2025-11-25');
    await expect(client.read(uri)).rejects.toMatchObject({
      code: expect.toBeOneOf([-32602, -32002]),
      message: expect.stringMatching(/not found/iu),
    });
  });

  it('is refused by HTTP where that knows it', async () => {
    const call = toolCall(1, 'get_quota');
    expect((await postMcp(gateway, call, { headers: { 'content-type': 'text/plain' } })).status).toBe(415);
    expect((await postMcp(gateway, call, { headers: { accept: 'text/html' } })).status).toBe(406);
    for (const method of ['GET', 'DELETE'] as const) {
      const answer = await createApi(gateway).call(method, '/mcp', {
        headers: { accept: 'text/event-stream' },
      });
      expect(answer.status).toBe(405);
    }
  });
});

describe('who may connect', () => {
  it('needs a token that may read, in a header', async () => {
    for (const token of [null, 'nonsense', await signToken({ sub: 'ada', expiresInSeconds: -3_600 })]) {
      const { status, headers } = await postMcp(gateway, initialize, { token });
      expect([status, headers['www-authenticate']]).toEqual([401, expect.stringContaining('Bearer')]);
    }
    const refused = await postMcp(gateway, initialize, {
      token: null,
      query: `?access_token=${gateway.token}`,
    });
    expectRefusal(refused, [401, 'invalid_token']);
    const writer = await signToken({ sub: 'ada', scope: 'files:write' });
    expectRefusal(await postMcp(gateway, initialize, { token: writer }), [403, 'insufficient_scope']);
  });

  it('U48 is no page of another origin', async () => {
    for (const origin of [
      'https://evil.example',
      'null',
      'http://localhost:1',
      'https://files.example.com:8443',
    ]) {
      const answer = await postMcp(gateway, initialize, { headers: { origin } });
      expectRefusal(answer, [403, 'origin_not_allowed']);
    }
    for (const origin of [gateway.url, 'https://files.example.com', 'https://app.example.com'])
      expect((await postMcp(gateway, initialize, { headers: { origin } })).status, origin).toBe(200);
  });

  it('U48 reaches this machine under no foreign name', async () => {
    const { port } = new URL(gateway.url);
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      'x',
    ]) {
      const answer = await postMcp(gateway, initialize, { headers: { host } });
      const error = expectRefusal(answer, [403, 'host_not_allowed']);
      expect(error.message).toContain('PUBLIC_URL');
    }
    for (const host of [
      'localhost',
      `LOCALHOST:${port}`,
      '127.0.0.1',
      '[::1]:80',
      '10.0.0.7',
      'files.example.com',
    ])
      expect((await postMcp(gateway, initialize, { headers: { host } })).status, host).toBe(200);
    const answer = await request(`${gateway.url}/v1/files`, {
      headers: { host: 'x', authorization: `Bearer ${gateway.token}` },
    });
    await answer.body.dump();
    expect(answer.statusCode).toBe(200);
  });
});

describe('an upload URL', () => {
  it('has the address that users know', async () => {
    const client = await connectMcp(gateway);
    const { structured } = await client.call('create_upload_url', { filename: 'a.txt' });
    expect(structured.url).toMatch(/^https:\/\/files\.example\.com\/v1\/upload-urls\//u);
  });
});

describe('two clients', () => {
  it('U49 with the same ids get each their own answers, whatever the transport', async () => {
    const people = await Promise.all(
      ['ada', 'bob'].flatMap((sub) =>
        mcpKinds.map(async (kind) => {
          const token = await signToken({ sub });
          return { sub, client: await connectMcp(gateway, kind, token) };
        }),
      ),
    );
    for (const sub of ['ada', 'bob']) {
      const token = await signToken({ sub });
      const query = 'provider=none';
      const { status } = await createApi(gateway, token).upload({ filename: `${sub}.txt`, text: sub, query });
      expect(status).toBe(200);
    }
    // Not all rounds at once: an owner has a limit of calls that run.
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(
        people.map(async ({ sub, client }) => {
          const { structured } = await client.call('list_files');
          expect(structured.files).toMatchObject([{ filename: `${sub}.txt` }]);
        }),
      );
    }
  });

  it('U49 cancel their own calls and no others', async () => {
    const [ada, bob] = await Promise.all([signToken({ sub: 'ada-2' }), signToken({ sub: 'bob-2' })]);
    const path = join(directory, 'shared.txt');
    await writeFile(path, 'The same words for both.');
    await providers.kimi.fault('slow-answer', { on: 'upload', delayMs: 3_000 });
    await providers.glm.fault('slow-answer', { on: 'upload', delayMs: 20_000 });
    const session = (await postMcp(gateway, initialize, { token: ada })).headers['mcp-session-id'];
    const mine = { 'mcp-session-id': String(session) };
    const upload = (token: string, provider: string) =>
      postMcp(gateway, toolCall(7, 'upload_file', { path, provider }), { token, headers: mine });
    const [kept, dropped] = [upload(ada, 'kimi'), upload(bob, 'glm')];
    await until('both are safe', async () => {
      const lists = [ada, bob].map((token) => createApi(gateway, token).call('GET', '/v1/files'));
      return (await Promise.all(lists)).every((list) => list.json<{ data: unknown[] }>().data.length === 1);
    });
    const others = { 'mcp-session-id': crypto.randomUUID() };
    for (const [token, headers] of [
      [bob, mine],
      [ada, others],
      [ada, {}],
    ] as const)
      expect((await postMcp(gateway, cancel(7), { token, headers })).status).toBe(202);
    expect((await dropped).messages).toMatchObject([{ id: 7, result: { isError: true } }]);
    expect((await kept).messages).toMatchObject([
      { id: 7, result: { structuredContent: { deliveries: [{ provider: 'kimi', status: 'completed' }] } } },
    ]);
    expect((await createApi(gateway, bob).call('GET', '/v1/files')).json()).toMatchObject({ data: [] });
  });

  it('are given sessions that hold nothing', async () => {
    const [first, second] = [await postMcp(gateway, initialize), await postMcp(gateway, initialize)];
    const sessions = [first, second].map(({ headers }) => headers['mcp-session-id']);
    expect(new Set(sessions).size).toBe(2);
    for (const session of [...sessions, 'unheard-of']) {
      const headers = { 'mcp-session-id': String(session) };
      expect((await postMcp(gateway, toolCall(1, 'get_quota'), { headers })).status).toBe(200);
    }
  });
});

describe('a request', () => {
  it('is cancelled by going away', async () => {
    const token = await signToken({ sub: 'leaver' });
    const path = join(directory, 'left.txt');
    await writeFile(path, 'Nobody waits for this.');
    for (const mode of ['HTTP 2026-07-28', 'HTTP of the earlier SDK'] as const) {
      await providers.glm.fault('slow-answer', { on: 'upload', delayMs: 20_000 });
      const client = await connectMcp(gateway, mode, token);
      const call = client.call('upload_file', { path, provider: 'glm' }).catch(() => 'gone');
      const api = createApi(gateway, token);
      const files = async () => (await api.call('GET', '/v1/files')).json<{ data: unknown[] }>().data.length;
      await until('it is safe', async () => (await files()) === 1);
      await client.close();
      expect(await call).toBe('gone');
      await until('it is taken back', async () => (await files()) === 0);
    }
  });

  it('counts against the limit as a call of the API, and so does each call in a batch', async () => {
    const limited = await startGateway({ env: { JWT_SECRET_KEY: JWT_SECRET, RATE_LIMIT_PER_MINUTE: '10' } });
    const batch = Array.from({ length: 12 }, (_, i) => toolCall(i, 'get_quota'));
    const { messages, headers } = await postMcp(limited, JSON.stringify(batch));
    expect(headers.ratelimit).toMatch(/^"calls";r=9;/u);
    const refused = messages.filter(({ result }) => result?.isError === true);
    expect([messages.length, refused.length]).toEqual([12, 2]);
    expect(refused[0]?.result).toMatchObject({
      content: [{ text: expect.stringMatching(/^rate_limited: /u) }],
      _meta: { 'waybill/error': { code: 'rate_limited', retry_after_ms: expect.any(Number) } },
    });
    expectRefusal(await postMcp(limited, toolCall(1, 'get_quota')), [429, 'rate_limited']);
  });
});
