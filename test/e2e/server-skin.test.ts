import { beforeAll, describe, expect, it } from 'vitest';
import { createApi } from '../support/create-api.ts';
import { openRaw, type RawAnswer, rawRequest } from '../support/raw-http.ts';
import { signToken } from '../support/sign-token.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { createTus, metadataOf } from '../support/tus.ts';
import { until } from '../support/until.ts';

const SECRET = 'Kx7wQ2vN9pRz4Tb8Yd3Fm6Hs1Jc5Lg0A';
const APP = 'https://app.example.com';

let gateway: GatewayProcess;
let bearer: string;

beforeAll(async () => {
  const env = { JWT_SECRET_KEY: SECRET, CORS_ORIGINS: APP, PUBLIC_URL: 'https://files.example.com' };
  gateway = await startGateway({ env });
  bearer = `Bearer ${await signToken({ sub: 'ada', scope: 'files:read files:write' }, { secret: SECRET })}`;
});

const ask = (line: string, ...headers: readonly string[]): Promise<RawAnswer> =>
  rawRequest(
    gateway.url,
    [`${line} HTTP/1.1`, 'Host: x', 'Connection: close', ...headers, '\r\n'].join('\r\n'),
  );

const ANSWERS: readonly (readonly [string, number, () => Promise<RawAnswer>])[] = [
  ['of a route', 200, () => ask('GET /livez')],
  ['of the API', 200, () => ask('GET /v1/files', `Authorization: ${bearer}`)],
  ['without a token', 401, () => ask('GET /v1/files')],
  ['of no route', 404, () => ask('GET /nowhere')],
  ['to a broken address', 400, () => ask('GET /%zz')],
  ['to what is not HTTP', 400, () => rawRequest(gateway.url, 'hello\r\n\r\n')],
  ['to wrong parameters', 400, () => ask('GET /v1/files?limit=x', `Authorization: ${bearer}`)],
  [
    'to broken JSON',
    400,
    () =>
      ask(
        'POST /v1/files/file-1/deliveries',
        `Authorization: ${bearer}`,
        'Content-Type: application/json',
        'Content-Length: 0',
      ),
  ],
  ['of tus', 204, () => ask('OPTIONS /v1/tus')],
  ['of tus, refused', 412, () => ask('PATCH /v1/tus/x', `Authorization: ${bearer}`)],
  ['of the console', 200, () => ask('GET /')],
  ['of the reference', 200, () => ask('GET /docs/')],
];

describe('an answer', () => {
  it.each(ANSWERS)('%s has the security headers and tells nothing of the inside', async (_, status, send) => {
    const { headers, body, ...answer } = await send();
    expect(answer.status).toBe(status);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'/u);
    expect(headers.get('x-powered-by')).toBeUndefined();
    expect(headers.get('server')).toBeUndefined();
    if (status < 400) expect(headers.get('strict-transport-security')).toBe('max-age=31536000');
    expect(body).not.toMatch(/node_modules|\.ts:|\n\s+at |FST_ERR|\bselect [\w.*]+ from|insert into/u);
    expect(body).not.toContain(process.cwd());
    expect(headers.get('access-control-allow-origin')).toBeUndefined();
  });

  it('of the reference lets no script run but its own', async () => {
    const policy = (await ask('GET /docs/')).headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/script-src 'self' 'sha256-[\w+/]+=';/u);
    expect((await ask('GET /docs/openapi.json')).headers.get('access-control-allow-origin')).toBeUndefined();
  });
});

describe('a web page elsewhere', () => {
  const preflight = (path: string, origin: string) =>
    ask(
      `OPTIONS ${path}`,
      `Origin: ${origin}`,
      'Access-Control-Request-Method: PATCH',
      'Access-Control-Request-Headers: authorization,tus-resumable,upload-offset',
    );

  it('that is allowed is told what it may send, without a token', async () => {
    for (const path of ['/v1/files', '/v1/tus', '/v1/tus/some']) {
      const { status, headers } = await preflight(path, APP);
      expect([status, headers.get('access-control-allow-origin')]).toEqual([204, APP]);
      expect(headers.get('access-control-allow-methods')).toContain('PATCH');
      expect(headers.get('access-control-allow-headers')).toContain('Upload-Offset');
      expect(headers.get('access-control-allow-credentials')).toBeUndefined();
      expect(headers.get('vary')).toContain('Origin');
    }
  });

  it('that is allowed may read what it needs of an answer, of a refusal too', async () => {
    for (const line of ['GET /livez', 'GET /v1/files']) {
      const { headers } = await ask(line, `Origin: ${APP}`);
      expect(headers.get('access-control-allow-origin')).toBe(APP);
      expect(headers.get('access-control-expose-headers')).toContain('Upload-Offset');
    }
  });

  it.each([
    'https://app.example.com.evil.example',
    'https://evil.example',
    'http://app.example.com',
    'https://app.example.com:8443',
    'null',
  ])('that is not allowed is not let in: %s', async (origin) => {
    expect((await preflight('/v1/files', origin)).headers.get('access-control-allow-origin')).toBeUndefined();
    const { headers } = await ask('GET /livez', `Origin: ${origin}`);
    expect(headers.get('access-control-allow-origin')).toBeUndefined();
  });

  it('does not keep tus from saying what it speaks', async () => {
    const { status, headers } = await ask('OPTIONS /v1/tus', `Origin: ${APP}`);
    expect([status, headers.get('tus-version')]).toEqual([204, '1.0.0']);
  });
});

describe('the audit trail', () => {
  interface Entry {
    readonly owner: string | null;
    readonly action: string;
    readonly file_id: string | null;
    readonly status: number;
    readonly error_code: string | null;
    readonly request_id: string;
    readonly address: string;
    readonly count: number;
  }
  const entries = (where: string, values: readonly unknown[]) =>
    gateway.query<Entry>(`select * from waybill.audit where ${where} order by id`, values);

  it('has who did what to which file, and what came of it', async () => {
    const token = await signToken({ sub: 'grace', scope: 'files:read files:write' }, { secret: SECRET });
    const api = createApi(gateway, token);
    /** An answer is recorded once it has left, which may be after its client has asked for more. */
    const written = (count: number) =>
      until(`${count} entries are written`, async () => {
        const found = await entries('owner = $1', ['grace']);
        return found.length >= count && found;
      });
    const made = await api.upload({ query: 'provider=none' });
    const { id } = made.file();
    await written(1);
    await api.call('GET', `/v1/files/${id}/content`);
    await written(2);
    await api.call('POST', `/v1/files/${id}/deliveries`, { json: { provider: 'acme' } });
    await written(3);
    await api.call('DELETE', `/v1/files/${id}`);
    await written(4);
    await api.call('GET', `/v1/files/${id}/content`);
    await written(5);
    const tus = createTus(gateway, token);
    const path = await tus.create(5, {
      'upload-metadata': metadataOf({ filename: 'a.txt', provider: 'none' }),
    });
    await written(6);
    await tus.patch(path, 0, 'Words');
    const rows = await written(7);
    const upload = path.split('/').at(-1);
    expect(
      rows.map(({ action, file_id, status, error_code }) => [action, file_id, status, error_code]),
    ).toEqual([
      ['file.create', id, 200, null],
      ['file.read_content', id, 200, null],
      ['delivery.create', id, 400, 'unknown_provider'],
      ['file.delete', id, 200, null],
      ['file.read_content', id, 404, 'not_found'],
      ['upload.create', upload, 201, null],
      ['upload.append', upload, 204, null],
    ]);
    expect(rows[0]).toMatchObject({
      request_id: made.headers['x-request-id'],
      address: '127.0.0.1',
      count: 1,
    });
    const logged = gateway.logs().filter(({ event, owner }) => event === 'audit' && owner === 'grace');
    expect(logged.map(({ action }) => action)).toEqual(rows.map(({ action }) => action));
  });

  it('has refused tokens without the tokens, once and then by the minute', async () => {
    const canary = 'eyJhbGciOiJub25lIn0.canary-c0ffee.x';
    for (let n = 0; n < 20; n += 1)
      await ask('GET /v1/files?secret=canary-c0ffee', `Authorization: Bearer ${canary}`);
    await until('one is written', async () => (await entries('action = $1', ['token.refused'])).length > 0);
    const rows = await entries('action = $1 and error_code = $2', ['token.refused', 'invalid_token']);
    expect(rows.length).toBeLessThanOrEqual(2);
    expect(rows[0]).toMatchObject({ owner: null, file_id: null, status: 401, error_code: 'invalid_token' });
    expect(JSON.stringify(gateway.logs())).not.toContain('canary');
    expect(await entries('audit::text like $1', ['%canary%'])).toEqual([]);
  });

  it('is only added to', async () => {
    for (const change of [
      'update waybill.audit set owner = null',
      'delete from waybill.audit',
      'truncate waybill.audit',
    ])
      await expect(gateway.query(change)).rejects.toThrow('only added to');
  });
});

describe('connections that say nothing', () => {
  it('L01 two hundred of them, each sending a header a byte at a time, harm nobody', async () => {
    const slow = await Promise.all(Array.from({ length: 200 }, () => openRaw(gateway.url)));
    await Promise.all(slow.map((one) => one.send('GET / HTTP/1.1\r\nX-Slow: ')));
    const dripping = setInterval(() => slow.forEach((one) => void one.send('x')), 500);
    const times: number[] = [];
    for (let n = 0; n < 50; n += 1) {
      const began = performance.now();
      expect((await ask('GET /livez')).status).toBe(200);
      times.push(performance.now() - began);
    }
    expect(times.sort((a, b) => a - b)[48]).toBeLessThan(1_000);
    const isOver = () => slow.every((one) => one.received().includes(' 408 '));
    await until('their time is over', isOver, { deadlineMs: 40_000 });
    clearInterval(dripping);
    for (const one of slow) one.reset();
  });
});

describe('a request behind another on its connection', () => {
  const upload = (body: string, length: number): string =>
    [
      'POST /v1/files HTTP/1.1',
      'Host: x',
      `Authorization: ${bearer}`,
      'Content-Type: multipart/form-data; boundary=cut',
      `Content-Length: ${length}`,
      '',
      body,
    ].join('\r\n');
  const FORM =
    '--cut\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nwords\r\n--cut--\r\n';

  it('U05 is not carried out when it may be what a refused body went on with', async () => {
    const api = createApi(gateway, bearer.slice('Bearer '.length));
    const kept = (await api.upload({ query: 'provider=none' })).file();
    const hidden = `DELETE /v1/files/${kept.id} HTTP/1.1\r\nHost: x\r\nAuthorization: ${bearer}\r\n\r\n`;
    const cut = FORM.slice(0, -20);
    const connection = await openRaw(gateway.url);
    await connection.send(upload(cut + hidden, cut.length));
    expect((await connection.answer()).status).toBe(400);
    await connection.closed();
    expect(connection.received().match(/HTTP\/1\.1 \d+/gu)).toEqual(['HTTP/1.1 400']);
    expect((await api.call('GET', `/v1/files/${kept.id}`)).status).toBe(200);
  });

  it('is answered in its turn when all is well', async () => {
    const connection = await openRaw(gateway.url);
    const next = `GET /v1/files HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ${bearer}\r\n\r\n`;
    await connection.send(upload(FORM, FORM.length) + next);
    await connection.closed();
    expect(connection.received().match(/HTTP\/1\.1 \d+/gu)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200']);
  });

  it('waits behind one that goes on for long, and not with any number of others', async () => {
    const next = `GET /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: ${bearer}\r\n\r\n`;
    const connection = await openRaw(gateway.url);
    await connection.send(next.replace('/v1/files', '/v1/events'));
    await until('it is answered', () => connection.received().includes('200 OK'));
    await connection.send(next.repeat(100));
    await connection.closed();
    expect(connection.received().match(/HTTP\/1\.1 \d+/gu)).toEqual(['HTTP/1.1 200']);
  });
});
