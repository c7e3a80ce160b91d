import { once } from 'node:events';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Answer, createApi } from '../support/create-api.ts';
import { expectRefusal } from '../support/expect-refusal.ts';
import { followByWebSocket } from '../support/follow-events.ts';
import { openRaw } from '../support/raw-http.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const LIMIT = 20;

const field = (answer: Answer, name: string): string => String(answer.headers[name] ?? '');
const left = (answer: Answer): number => Number(/;r=(\d+);/u.exec(field(answer, 'ratelimit'))?.[1]);

/** A user that nobody else is, with a limit of its own. */
const newUser = async (gateway: GatewayProcess) => {
  const token = await signToken({ sub: `user-${crypto.randomUUID()}` });
  return { token, api: createApi(gateway, token) };
};

describe('rate limits', () => {
  let gateway: GatewayProcess;
  beforeAll(async () => {
    gateway = await startGateway({
      env: { RATE_LIMIT_PER_MINUTE: String(LIMIT), JWT_SECRET_KEY: JWT_SECRET },
    });
  });

  it('L09 tell how a user stands, and end in 429 with the time to wait', async () => {
    const { api } = await newUser(gateway);
    const first = await api.call('GET', '/v1/files');
    expect(field(first, 'ratelimit-policy')).toBe(`"calls";q=${LIMIT};w=60`);
    expect(field(first, 'ratelimit')).toMatch(new RegExp(`^"calls";r=${LIMIT - 1};t=\\d+$`, 'u'));
    for (let call = 2; call <= LIMIT; call += 1) {
      const answer = await api.call('GET', '/v1/files');
      expect([answer.status, left(answer)]).toEqual([200, LIMIT - call]);
    }
    const refused = await api.call('GET', '/v1/files');
    const error = expectRefusal({ status: refused.status, body: String(refused.bytes) }, [
      429,
      'rate_limited',
    ]);
    expect(error.message).toMatch(/try again in \d+ s/u);
    expect(field(refused, 'cache-control')).toBe('no-store');
    const [, resetSeconds] = /^"calls";r=0;t=(\d+)$/u.exec(field(refused, 'ratelimit')) ?? [];
    expect(Number(resetSeconds)).toBeGreaterThan(0);
    expect(Number(field(refused, 'retry-after'))).toBeGreaterThanOrEqual(Number(resetSeconds));
    expect(Number(field(refused, 'retry-after'))).toBeLessThanOrEqual(60);
  });

  it('L09 count uploads apart, so that they leave the rest to their user', async () => {
    const { api } = await newUser(gateway);
    for (let upload = 0; upload < LIMIT; upload += 1) {
      const answer = await api.upload({ query: 'provider=none' });
      expect([answer.status, left(answer)]).toEqual([200, LIMIT - upload - 1]);
      expect(field(answer, 'ratelimit-policy')).toBe(`"uploads";q=${LIMIT};w=60`);
    }
    expect((await api.upload({ query: 'provider=none' })).status).toBe(429);
    const form = await api.call('POST', '/v1/files', { json: {} });
    const tus = await api.call('POST', '/v1/tus', {
      headers: { 'tus-resumable': '1.0.0', 'upload-length': '1' },
    });
    expect([form.status, tus.status]).toEqual([429, 429]);
    const reading = await api.call('GET', '/v1/files');
    expect([reading.status, left(reading)]).toEqual([200, LIMIT - 1]);
  });

  it('L09 refuse the flood of one user, ten times the limit, and serve all of another', async () => {
    const [flooding, normal] = [await newUser(gateway), await newUser(gateway)];
    const flood = Promise.all(
      Array.from({ length: LIMIT * 10 }, async () => (await flooding.api.call('GET', '/v1/files')).status),
    );
    const served = [];
    for (let call = 0; call < LIMIT; call += 1) {
      served.push((await normal.api.call('GET', '/v1/files')).status);
    }
    expect(served).toEqual(Array(LIMIT).fill(200));
    const statuses = await flood;
    expect(statuses.filter((status) => status === 200)).toHaveLength(LIMIT);
    expect(statuses.filter((status) => status === 429)).toHaveLength(LIMIT * 9);
  });

  it('refuse before the body: who waits to be told to go on is told 429', async () => {
    const { api, token } = await newUser(gateway);
    for (let upload = 0; upload < LIMIT; upload += 1) await api.upload({ query: 'provider=none' });
    const connection = await openRaw(gateway.url);
    await connection.send(
      'PUT /v1/files?filename=a.txt HTTP/1.1\r\nHost: gateway\r\nContent-Length: 1000000\r\n' +
        `Authorization: Bearer ${token}\r\nExpect: 100-continue\r\n\r\n`,
    );
    const { status, headers, body } = await connection.answer();
    expectRefusal({ status, body }, [429, 'rate_limited']);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(connection.received()).not.toContain('100 Continue');
    connection.reset();
  });

  it('keep a user to the limit who lacks the scope for what is asked', async () => {
    const token = await signToken({ sub: `user-${crypto.randomUUID()}`, scope: 'files:read' });
    const api = createApi(gateway, token);
    const statuses = [];
    for (let call = 0; call <= LIMIT; call += 1) {
      statuses.push((await api.call('DELETE', '/v1/files/file-0')).status);
    }
    expect(statuses.slice(0, LIMIT)).toEqual(Array(LIMIT).fill(403));
    // It has used up what is its user's, and its next good call is refused.
    expect((await api.call('GET', '/v1/files')).status).toBe(429);
  });
});

describe('rate limits of WebSockets', () => {
  it('L09 close one that is over its limit with 1013', async () => {
    const gateway = await startGateway({ env: { RATE_LIMIT_PER_MINUTE: '2', JWT_SECRET_KEY: JWT_SECRET } });
    const { token } = await newUser(gateway);
    const open = () => followByWebSocket(gateway, { token });
    const streams = [open(), open()];
    await Promise.all(streams.map(({ socket }) => once(socket, 'open')));
    const refused = open();
    const end = await until('the third is refused', () => refused.ended());
    expect(end).toEqual({ code: 1013, reason: 'rate_limited' });
    expect(streams.map(({ ended }) => ended())).toEqual([null, null]);
  });
});

describe('rate limits by address', () => {
  const start = (env: Readonly<Record<string, string>> = {}): Promise<GatewayProcess> =>
    startGateway({ env: { RATE_LIMIT_PER_MINUTE: String(LIMIT), JWT_SECRET_KEY: JWT_SECRET, ...env } });
  const strike = async (gateway: GatewayProcess, headers: (call: number) => Record<string, string>) => {
    const stranger = createApi(gateway, 'not.a.token');
    const statuses = [];
    for (let call = 0; call < LIMIT + 5; call += 1) {
      statuses.push((await stranger.call('GET', '/v1/files', { headers: headers(call) })).status);
    }
    return statuses;
  };
  const limited = [...Array(LIMIT).fill(401), ...Array(5).fill(429)];

  it('L10 hold for calls without a good token, whatever X-Forwarded-For says, and spare what operates the gateway', async () => {
    const gateway = await start();
    // People who share the address, and have tokens, use up nothing of it.
    const { api } = await newUser(gateway);
    for (let call = 0; call < LIMIT; call += 1) await api.call('GET', '/v1/files');
    expect(await strike(gateway, (call) => ({ 'x-forwarded-for': `198.51.100.${call}` }))).toEqual(limited);

    for (const path of ['/livez', '/readyz', '/openapi.json', '/docs/', '/']) {
      const answer = await createApi(gateway, null).call('GET', path);
      expect([path, answer.status]).toEqual([path, 200]);
      expect(answer.headers).not.toHaveProperty('ratelimit');
    }
    const options = await fetch(`${gateway.url}/v1/tus`, { method: 'OPTIONS' });
    expect(options.status).toBe(204);
    // Nobody's bad tokens keep others out who share the address.
    expect((await (await newUser(gateway)).api.call('GET', '/v1/files')).status).toBe(200);
  });

  it('L10 believe X-Forwarded-For of a trusted proxy, and count a /64 as one', async () => {
    const gateway = await start({ TRUSTED_PROXIES: '127.0.0.0/8' });
    const apart = await strike(gateway, (call) => ({ 'x-forwarded-for': `198.51.100.${call}` }));
    expect(apart).toEqual(Array(LIMIT + 5).fill(401));
    const together = await strike(gateway, (call) => ({ 'x-forwarded-for': `2001:db8:1:2::${call}` }));
    expect(together).toEqual(limited);
    // What its client wrote in front of the proxy's entry is passed over.
    const spoofed = await strike(gateway, (call) => ({
      'x-forwarded-for': `198.51.100.${call}, 203.0.113.9`,
    }));
    expect(spoofed).toEqual(limited);
  });

  it('refuse to start with a trusted proxy that is no address', async () => {
    await expect(start({ TRUSTED_PROXIES: '10.0.0.0/99' })).rejects.toThrow(
      /TRUSTED_PROXIES has "10\.0\.0\.0\/99"/u,
    );
  });

  it('are off at 0', async () => {
    const gateway = await start({ RATE_LIMIT_PER_MINUTE: '0' });
    const statuses = await strike(gateway, () => ({}));
    expect(new Set(statuses)).toEqual(new Set([401]));
    const answer = await (await newUser(gateway)).api.call('GET', '/v1/files');
    expect(answer.headers).not.toHaveProperty('ratelimit-policy');
  });
});
