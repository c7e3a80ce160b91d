import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { expectRefusal } from '../support/expect-refusal.ts';
import { followByWebSocket } from '../support/follow-events.ts';
import { openRaw } from '../support/raw-http.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const UNAUTHORIZED = { code: 1008, reason: 'Unauthorized' };
let gateway: GatewayProcess;

beforeAll(async () => {
  gateway = await startGateway({
    env: {
      JWT_SECRET_KEY: JWT_SECRET,
      PUBLIC_URL: 'https://files.example.com/waybill',
      CORS_ORIGINS: 'https://app.example.com,http://localhost:3000',
    },
  });
});

/** Connects as a page of the origin; answers with the status of a refusal, or 101. */
const connectFrom = async (origin: string): Promise<{ status: number; body: string }> => {
  const headers = { authorization: `Bearer ${gateway.token}`, origin };
  const socket = new WebSocket(`${gateway.url.replace(/^http/u, 'ws')}/v1/events`, { headers });
  socket.on('error', () => undefined);
  const refused = once(socket, 'unexpected-response').then(async ([, response]) => ({
    status: Number(response.statusCode),
    body: await text(response),
  }));
  const outcome = await Promise.race([refused, once(socket, 'open').then(() => ({ status: 101, body: '' }))]);
  socket.terminate();
  return outcome;
};

describe('the origin of a WebSocket', () => {
  it.each([
    'https://evil.example',
    'http://files.example.com',
    'https://files.example.com.evil.example',
    'https://files.example.com:8443',
    'https://app.example.com.evil.example',
    'http://localhost:3001',
    'http://localhost',
    'null',
    'file://',
    'nonsense',
  ])('J46 is refused before the upgrade when it is foreign, whatever the token: %s', async (origin) => {
    expectRefusal(await connectFrom(origin), [403, 'origin_not_allowed']);
  });

  it('J46 may be our own host, that of PUBLIC_URL, or one of CORS_ORIGINS', async () => {
    for (const origin of [
      gateway.url,
      'https://files.example.com',
      'https://app.example.com',
      'http://localhost:3000',
    ])
      expect((await connectFrom(origin)).status, origin).toBe(101);
  });
});

describe('a WebSocket', () => {
  it.each<[string, () => Promise<readonly string[]>]>([
    ['two', async () => [`bearer.${gateway.token}`, `bearer.${await signToken({ sub: 'bob' })}`]],
    ['a bad one', async () => ['bearer.a.b.c']],
    ['one in no form at all', async () => ['bearer.nonsense']],
    ['an expired one', async () => [`bearer.${await signToken({ sub: 'a', expiresInSeconds: -3_600 })}`]],
    ['none', async () => []],
  ])('J41 J46 is closed when it has %s among its protocols', async (_, make) => {
    const events = followByWebSocket(gateway, { token: null, protocols: ['waybill', ...(await make())] });
    expect(await until('the close', () => events.ended())).toEqual(UNAUTHORIZED);
    expect(events.seen).toEqual([]);
  });

  it('J41 is closed when it has a token in its header and another among its protocols', async () => {
    const socket = new WebSocket(
      `${gateway.url.replace(/^http/u, 'ws')}/v1/events`,
      [`bearer.${gateway.token}`, 'waybill'],
      {
        headers: { authorization: `Bearer ${gateway.token}` },
      },
    );
    const [code] = await once(socket, 'close');
    expect(code).toBe(1008);
  });

  it('J46 is not waited for: a thousand without a token are closed at once, and others go on', async () => {
    const before = followByWebSocket(gateway);
    await until('the connection', () => before.socket.readyState === before.socket.OPEN);
    for (let round = 0; round < 10; round += 1) {
      const idle = Array.from({ length: 100 }, () => followByWebSocket(gateway, { token: null }));
      await until('all are closed', () => idle.every(({ ended }) => ended() !== null));
      const ends = new Set(idle.map(({ ended }) => ended()?.code));
      expect([...ends]).toEqual([1008]);
    }
    expect(before.ended()).toBeNull();
    before.close();
  });

  it('J46 that never finishes its handshake gets no upgrade', async () => {
    const client = await openRaw(gateway.url);
    await client.send(
      'GET /v1/events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    expect((await client.answer()).status).toBeGreaterThanOrEqual(400);
    client.reset();
  });
});
