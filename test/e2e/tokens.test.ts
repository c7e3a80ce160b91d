import { beforeAll, describe, expect, it } from 'vitest';
import { createApi } from '../support/create-api.ts';
import { blobSizes } from '../support/look-at-blobs.ts';
import { openRaw } from '../support/raw-http.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';

let gateway: GatewayProcess;

beforeAll(async () => {
  gateway = await startGateway({ env: { JWT_SECRET_KEY: JWT_SECRET } });
});

const unsigned = (header: object, payload: object): string =>
  [header, payload, {}].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
const inAnHour = (): number => Math.floor(Date.now() / 1_000) + 3_600;
const good = (): Promise<string> => signToken({ sub: 'ada' });

const REFUSED: readonly [string, () => Promise<string> | string][] = [
  ['that is no token', () => 'sk-1234567890'],
  ['of two parts', async () => (await good()).split('.').slice(0, 2).join('.')],
  [
    'with a changed payload',
    async () => {
      const [header, , signature] = (await good()).split('.');
      const payload = Buffer.from(JSON.stringify({ sub: 'root', exp: inAnHour() })).toString('base64url');
      return [header, payload, signature].join('.');
    },
  ],
  ['with alg none', () => unsigned({ alg: 'none' }, { sub: 'ada', exp: inAnHour() })],
  [
    'with alg none and no signature',
    () => {
      const [header, payload] = unsigned({ alg: 'none' }, { sub: 'ada', exp: inAnHour() }).split('.');
      return `${header}.${payload}.`;
    },
  ],
  ['signed with HS512', () => signToken({ sub: 'ada' }, { alg: 'HS512' })],
  ['signed with another secret', () => signToken({ sub: 'ada' }, { secret: `${JWT_SECRET}!` })],
  ['without exp', () => signToken({ sub: 'ada', expiresInSeconds: null })],
  ['without sub', () => signToken({})],
  ['with an empty sub', () => signToken({ sub: '' })],
  ['with a sub that is no string', () => signToken({ sub: 7 })],
  ['with a line break in sub', () => signToken({ sub: 'ada\r\nX-Admin: 1' })],
  ['with a scope that is no string', () => signToken({ sub: 'ada', scope: ['admin'] })],
  ['of 20,000 characters', () => signToken({ sub: 'ada', scope: 'x '.repeat(5_000) })],
];

describe('a token', () => {
  it.each(REFUSED)('%s is refused', async (_, make) => {
    const answer = await createApi(gateway, await make()).call('GET', '/v1/files');
    expect([answer.status, answer.error().code, answer.error().type]).toEqual([
      401,
      'invalid_token',
      'authentication_error',
    ]);
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="waybill" error="invalid_token"');
  });

  it('that has expired is told so', async () => {
    const expired = await signToken({ sub: 'ada', expiresInSeconds: -3_600 });
    const answer = await createApi(gateway, expired).call('GET', '/v1/files');
    expect([answer.status, answer.error().code]).toEqual([401, 'token_expired']);
  });

  it('that is missing is asked for, on every route of the API', async () => {
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

  it('comes before a byte of the body', async () => {
    const client = await openRaw(gateway.url);
    await client.send(head('Bearer nonsense'));
    const answer = await client.answer();
    client.reset();
    expect([answer.status, JSON.parse(answer.body).error.code]).toEqual([401, 'invalid_token']);
  });

  it('comes instead of a 100 Continue, which others get', async () => {
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

  it('leaves nothing, and no secret in the log', async () => {
    const before = await blobSizes(gateway.dataDir);
    const token = await signToken({ sub: 'ada', expiresInSeconds: -3_600 });
    await createApi(gateway, token).upload();
    expect(await blobSizes(gateway.dataDir)).toEqual(before);
    const log = JSON.stringify(gateway.logs()) + gateway.output();
    for (const secret of [token, JWT_SECRET]) expect(log).not.toContain(secret);
  });
});
