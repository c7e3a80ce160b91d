import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type Api, createApi } from '../support/create-api.ts';
import { expectNothingKept, expectRefusal } from '../support/expect-refusal.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';

let gateway: GatewayProcess;
let api: Api;

beforeAll(async () => {
  gateway = await startGateway({ env: { MAX_FILE_BYTES: '1 KB' } });
  api = createApi(gateway);
});
afterEach(() => expectNothingKept(gateway));

const text = ({ status, bytes }: Answer) => ({ status, body: bytes.toString() });

describe('an id that is nobody’s', () => {
  const IDS = {
    unknown: 'file-0000000000000000000000000',
    'of a NUL': '%00',
    'with a NUL': 'file-a%00b',
    'that climbs': '..%2f..%2fetc%2fpasswd',
    'that climbs backwards': '..%5c..%5cwindows',
    'of 5,000 characters': 'x'.repeat(5_000),
    'of SQL': "' or '1'='1",
    'of the prototype': '__proto__',
    'of an emoji': '%F0%9F%93%8E',
    'of line breaks': 'a%0d%0ab',
  };
  it.each(Object.entries(IDS))('%s is not found', async (_, id) => {
    const path = `/v1/files/${id.replaceAll(' ', '%20')}`;
    for (const answer of await Promise.all([
      api.call('GET', path),
      api.call('DELETE', path),
      api.call('GET', `${path}/content`),
      api.call('POST', `${path}/deliveries`, { json: { provider: 'kimi' } }),
    ]))
      expectRefusal(text(answer), [404, 'not_found']);
  });

  it.each(['%', '%ff', '%c3%28', '%zz'])('%s cannot even be decoded', async (id) => {
    expectRefusal(text(await api.call('GET', `/v1/files/${id}`)), [400, 'invalid_request']);
  });
});

describe('a list is refused', () => {
  it.each([
    ['limit=0', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=10001', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=many', 'limit'],
    ['limit=1e999', 'limit'],
    ['order=up', 'order'],
    ['status=lost', 'status'],
    ['provider=acme', 'provider'],
    [`after=${'x'.repeat(101)}`, 'after'],
    ['after=%00', 'after'],
    ['q=%00', 'q'],
    ['purpose=%00', 'purpose'],
    ['order=asc&order=desc', 'order'],
  ])('for %s', async (query, param) => {
    const code = param === 'provider' ? 'unknown_provider' : 'invalid_request';
    expect(expectRefusal(text(await api.call('GET', `/v1/files?${query}`)), [400, code]).param).toBe(param);
  });

  it.each(['after=file-unknown', 'q=%25', "q='", 'q=%5c', 'unknown=1', '__proto__=1', '%=1'])(
    'not for %s, which finds nothing',
    async (query) => {
      const answer = await api.call('GET', `/v1/files?${query}`);
      expect([answer.status, answer.json()]).toMatchObject([200, { data: [], has_more: false }]);
    },
  );
});

describe('a raw upload is refused', () => {
  it.each([
    ['without a name', '', 'invalid_request', 'filename'],
    ['with an empty name', 'filename=', 'invalid_filename', 'filename'],
    ['with a NUL in its name', 'filename=a%00.txt', 'invalid_filename', 'filename'],
    ['with line breaks in its name', 'filename=a%0d%0aX-Evil:1.txt', 'invalid_filename', 'filename'],
    ['with a name of dots', 'filename=..', 'invalid_filename', 'filename'],
    ['with a directory for a name', 'filename=a/', 'invalid_filename', 'filename'],
    ['with two names', 'filename=a.txt&filename=b.txt', 'invalid_request', 'filename'],
    ['for an unknown purpose', 'filename=a.txt&purpose=peace', 'invalid_purpose', 'purpose'],
    ['for an unknown provider', 'filename=a.txt&provider=acme', 'unknown_provider', 'provider'],
    ['with half an expiry', 'filename=a.txt&expires_after[seconds]=3600', 'invalid_request', 'expires_after'],
  ])('%s', async (_, query, code, param) => {
    const answer = await api.call('PUT', `/v1/files?${query}`, { body: Buffer.from('words') });
    expect(expectRefusal(text(answer), [400, code]).param).toBe(param);
  });

  it('when it is empty', async () => {
    for (const headers of [{}, { 'content-length': '0' }] as Record<string, string>[])
      expectRefusal(text(await api.call('PUT', '/v1/files?filename=a.txt', { headers })), [
        400,
        'empty_file',
      ]);
  });

  it('when it is too large', async () => {
    const body = Buffer.alloc(1_025, 'x');
    expectRefusal(text(await api.call('PUT', '/v1/files?filename=a.txt', { body })), [413, 'file_too_large']);
  });

  it('when it is compressed', async () => {
    const headers = { 'content-encoding': 'gzip' };
    const answer = await api.call('PUT', '/v1/files?filename=a.txt', { headers, body: Buffer.from('words') });
    expectRefusal(text(answer), [415, 'unsupported_media_type']);
  });
});

describe('a delivery is refused', () => {
  const deliver = async (body: string, contentType = 'application/json') =>
    text(
      await api.call('POST', '/v1/files/file-unknown/deliveries', {
        headers: { 'content-type': contentType },
        body: Buffer.from(body),
      }),
    );

  it.each([
    '',
    '{',
    '{"provider":',
    'null',
    '[]',
    '"kimi"',
    '7',
    '{}',
    '{"provider":7}',
    '{"provider":null}',
  ])('for the body %s', async (body) => {
    expectRefusal(await deliver(body), [400, 'invalid_request']);
  });

  it('for what it names, before it is known whether the file exists', async () => {
    expectRefusal(await deliver('{"provider":"acme"}'), [400, 'unknown_provider']);
    expectRefusal(await deliver('{"provider":"kimi","purpose":"peace"}'), [400, 'invalid_purpose']);
    expectRefusal(await deliver('{"__proto__":{"provider":"kimi"}}'), [400, 'invalid_request']);
    expectRefusal(await deliver(`{"provider":"${'x'.repeat(70_000)}"}`), [400, 'invalid_request']);
    expectRefusal(await deliver('provider=kimi', 'application/x-www-form-urlencoded'), [
      415,
      'unsupported_media_type',
    ]);
  });
});

describe('an address that leads nowhere', () => {
  it.each([
    ['GET', '/nowhere'],
    ['POST', '/v1/file'],
    ['DELETE', '/v1/files'],
    ['PUT', '/v1/files/file-1'],
    ['GET', '/v1/files/file-1/content/more'],
    ['GET', '//v1/files'],
  ] as const)('%s %s', async (method, path) => {
    expectRefusal(text(await api.call(method, path)), [404, 'not_found']);
  });
});
