import { beforeAll, describe, expect, it } from 'vitest';
import { createApi } from '../support/create-api.ts';
import { blobSizes } from '../support/look-at-blobs.ts';
import { openRaw } from '../support/raw-http.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { createTus } from '../support/tus.ts';
import { until } from '../support/until.ts';

let gateway: GatewayProcess;

beforeAll(async () => {
  gateway = await startGateway({ env: { JWT_SECRET_KEY: JWT_SECRET } });
});

const unsigned = (header: object, payload: object): string =>
  [header, payload, {}].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
const inAnHour = (): number => Math.floor(Date.now() / 1_000) + 3_600;
const good = (): Promise<string> => signToken({ sub: 'ada' });

const SUPABASE_KEY: object = { role: 'service_role', iss: 'supabase', sub: 'ada' };

const REFUSED: readonly [string, () => Promise<string> | string][] = [
  ['J25 that is no token', () => 'sk-1234567890'],
  ['J25 of two parts', async () => (await good()).split('.').slice(0, 2).join('.')],
  [
    'J08 with a changed payload',
    async () => {
      const [header, , signature] = (await good()).split('.');
      const payload = Buffer.from(JSON.stringify({ sub: 'root', exp: inAnHour() })).toString('base64url');
      return [header, payload, signature].join('.');
    },
  ],
  ['J01 with alg none', () => unsigned({ alg: 'none' }, { sub: 'ada', exp: inAnHour() })],
  [
    'J01 J05 with alg none and no signature',
    () => {
      const [header, payload] = unsigned({ alg: 'none' }, { sub: 'ada', exp: inAnHour() }).split('.');
      return `${header}.${payload}.`;
    },
  ],
  ['J10 signed with HS512', () => signToken({ sub: 'ada' }, { alg: 'HS512' })],
  ['J22 signed with another secret', () => signToken({ sub: 'ada' }, { secret: `${JWT_SECRET}!` })],
  ['J31 without exp', () => signToken({ sub: 'ada', expiresInSeconds: null })],
  ['J36 without sub', () => signToken({})],
  ['J36 with an empty sub', () => signToken({ sub: '' })],
  ['J36 with a sub that is no string', () => signToken({ sub: 7 })],
  ['J36 with a line break in sub', () => signToken({ sub: 'ada\r\nX-Admin: 1' })],
  ['J36 with a NUL in sub', () => signToken({ sub: 'ada\0' })],
  ['J36 with the sub of those without a token', () => signToken({ sub: 'anonymous' })],
  ['J32 that is good for ten years', () => signToken({ sub: 'ada', expiresInSeconds: 315_360_000 })],
  ['J38 that is a key of Supabase', () => signToken({ ...SUPABASE_KEY })],
  ['with a scope that is no string', () => signToken({ sub: 'ada', scope: ['admin'] })],
  ['J40 of some 13,000 characters', () => signToken({ sub: 'ada', scope: 'x '.repeat(5_000) })],
];

describe('a token', () => {
  it.each(REFUSED)('%s is refused', async (_, make) => {
    const answer = await createApi(gateway, await make()).call('GET', '/v1/files');
    expect([answer.status, answer.error().code, answer.error().type]).toEqual([
      401,
      'invalid_token',
      'authentication_error',
    ]);
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="waybill", error="invalid_token"');
  });

  it('J29 that has expired is told so', async () => {
    const expired = await signToken({ sub: 'ada', expiresInSeconds: -3_600 });
    const answer = await createApi(gateway, expired).call('GET', '/v1/files');
    expect([answer.status, answer.error().code]).toEqual([401, 'token_expired']);
  });

  it('J42 that is missing is asked for, on every route of the API', async () => {
    const nobody = createApi(gateway, null);
    const answers = await Promise.all([
      nobody.call('GET', '/v1/files'),
      nobody.call('PUT', '/v1/files?filename=a.txt', { body: Buffer.from('words') }),
      nobody.call('GET', '/v1/files/file-1'),
      nobody.call('GET', '/v1/files/file-1/content'),
      nobody.call('DELETE', '/v1/files/file-1'),
      nobody.call('POST', '/v1/files/file-1/deliveries', { json: { provider: 'kimi' } }),
      nobody.call('GET', '/v1/providers'),
    ]);
    for (const answer of answers) {
      expect([answer.status, answer.error().code]).toEqual([401, 'invalid_token']);
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="waybill"');
    }
  });

  it('J41 that comes twice, by another scheme or in the address is none', async () => {
    const token = await good();
    const send = async (target: string, ...headers: readonly string[]): Promise<number> => {
      const client = await openRaw(gateway.url);
      await client.send([`GET ${target} HTTP/1.1`, 'Host: x', ...headers, '\r\n'].join('\r\n'));
      const { status } = await client.answer();
      client.reset();
      return status;
    };
    const bearer = `Authorization: Bearer ${token}`;
    expect(await send('/v1/files', `authorization: bearer ${token}`)).toBe(200);
    expect(await send('/v1/files', bearer, bearer)).toBe(401);
    expect(await send('/v1/files', bearer, 'Authorization: Basic dTpw')).toBe(401);
    expect(await send('/v1/files', `Authorization: Basic ${token}`)).toBe(401);
    expect(await send(`/v1/files?access_token=${token}&token=${token}`)).toBe(401);
  });

  it('J40 of 64 KB is refused at once, and so are 2,000 lists in each other', async () => {
    const send = async (token: string): Promise<number> => {
      const client = await openRaw(gateway.url);
      await client.send(`GET /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`);
      const { status } = await client.answer();
      client.reset();
      return status;
    };
    const nested = `${'['.repeat(2_000)}${']'.repeat(2_000)}`;
    const deep = ['{"alg":"HS256"}', nested, 'x'].map((part) => Buffer.from(part).toString('base64url'));
    expect(await send('a'.repeat(65_536))).toBe(431);
    expect(await send(`${'a'.repeat(8_000)}.${'b'.repeat(4_000)}.c`)).toBe(401);
    expect(await send(deep.join('.'))).toBe(401);
  });

  it('J37 names an owner and nothing else: no path, no alias, no property', async () => {
    const { id } = (await createApi(gateway, await signToken({ sub: 'user-2' })).upload()).file();
    for (const sub of ['../../user-2', '__proto__', 'USER-2', 'user-2%00', './user-2', 'constructor']) {
      const api = createApi(gateway, await signToken({ sub }));
      expect((await api.call('GET', `/v1/files/${id}`)).status, sub).toBe(404);
      const own = (await api.upload({ query: 'provider=none' })).file();
      expect((await api.call('GET', `/v1/files/${own.id}`)).status, sub).toBe(200);
    }
  });

  it('is not needed for probes and documents', async () => {
    const nobody = createApi(gateway, null);
    for (const path of ['/livez', '/readyz', '/openapi.json'])
      expect((await nobody.call('GET', path)).status, path).toBe(200);
  });
});

describe('a scope', () => {
  it.each([
    ['files:read', 200, 403],
    ['files:write', 403, 200],
    ['files:read files:write', 200, 200],
    ['admin', 200, 200],
    ['', 403, 403],
    ['something:else', 403, 403],
  ])('of "%s" reads with %i and writes with %i', async (scope, reading, writing) => {
    const api = createApi(gateway, await signToken({ sub: 'ada', scope }));
    const read = await api.call('GET', '/v1/files');
    const written = await api.upload({ query: 'provider=none' });
    expect([read.status, written.status]).toEqual([reading, writing]);
    for (const { status, error } of [read, written])
      if (status === 403)
        expect(error()).toMatchObject({ code: 'insufficient_scope', type: 'permission_error' });
  });
});

describe('a refusal', () => {
  const head = (authorization: string, ...headers: readonly string[]): string =>
    [
      'PUT /v1/files?filename=a.txt HTTP/1.1',
      'Host: x',
      `Authorization: ${authorization}`,
      'Content-Length: 1000000',
      ...headers,
      '\r\n',
    ].join('\r\n');

  it('J05 U23 comes before a byte of the body', async () => {
    const client = await openRaw(gateway.url);
    await client.send(head('Bearer nonsense'));
    const answer = await client.answer();
    client.reset();
    expect([answer.status, JSON.parse(answer.body).error.code]).toEqual([401, 'invalid_token']);
  });

  it('U22 comes instead of a 100 Continue, which others get', async () => {
    const refused = await openRaw(gateway.url);
    await refused.send(head('Bearer nonsense', 'Expect: 100-continue'));
    expect((await refused.answer()).status).toBe(401);
    expect(refused.received()).not.toContain('100 Continue');
    refused.reset();

    const reader = await openRaw(gateway.url);
    await reader.send(
      head(`Bearer ${await signToken({ sub: 'ada', scope: 'files:read' })}`, 'Expect: 100-continue'),
    );
    expect((await reader.answer()).status).toBe(403);
    expect(reader.received()).not.toContain('100 Continue');
    reader.reset();
  });

  it('J45 in the middle of an upload keeps what came, for a token that is still good to go on', async () => {
    // Good for as long as clocks may differ, so for about two seconds.
    const short = createTus(gateway, await signToken({ sub: 'ada', expiresInSeconds: -28 }));
    const path = await short.create(10);
    await short.patch(path, 0, 'words');
    await until('the token is over', async () => (await short.call('HEAD', path)).status === 401);
    expect((await short.patch(path, 5, 'words')).status).toBe(401);
    const again = createTus(gateway, await good());
    expect(await again.offset(path)).toBe(5);
    expect((await again.patch(path, 5, 'words')).status).toBeLessThan(300);
  });

  it('leaves nothing, and no secret in the log', async () => {
    const before = await blobSizes(gateway.dataDir);
    const token = await signToken({ sub: 'ada', expiresInSeconds: -3_600 });
    await createApi(gateway, token).upload();
    expect(await blobSizes(gateway.dataDir)).toEqual(before);
    const log = JSON.stringify(gateway.logs()) + gateway.output();
    for (const secret of [token, JWT_SECRET]) expect(log).not.toContain(secret);
  });
});
