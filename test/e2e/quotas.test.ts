/** Quotas as users and administrators meet them. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type Api, createApi } from '../support/create-api.ts';
import { openRaw } from '../support/raw-http.ts';
import { runWaybill } from '../support/run-waybill.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

let gateway: GatewayProcess;
let admin: Api;

const env = { JWT_SECRET_KEY: JWT_SECRET, QUOTA_BYTES: '10000', QUOTA_FILES: '10' };
beforeAll(async () => {
  gateway = await startGateway({ env });
  admin = createApi(gateway, await signToken({ sub: 'root', scope: 'admin' }));
});

const apiOf = async (sub: string): Promise<Api> => createApi(gateway, await signToken({ sub }));
const TEXT = 'x'.repeat(1_000);
const quotaOf = async (api: Api) => (await api.call('GET', '/v1/quota')).json<object>();

/** One file, begun over one of the doors; 2xx when it is kept. */
const uploadOver = async (api: Api, door: number): Promise<Answer> => {
  const body = Buffer.from(TEXT);
  if (door % 4 === 0) return api.upload({ text: TEXT, filename: 'a.txt', query: 'provider=none' });
  if (door % 4 === 1) return api.call('PUT', '/v1/files?filename=a.txt&provider=none', { body });
  const headers = {
    'tus-resumable': '1.0.0',
    'upload-length': String(body.length),
    'upload-metadata': `filename ${btoa('a.txt')},provider ${btoa('none')}`,
  };
  const piece = { 'tus-resumable': '1.0.0', 'content-type': 'application/offset+octet-stream' };
  if (door % 4 === 2) return api.call('POST', '/v1/tus', { headers: { ...headers, ...piece }, body });
  const created = await api.call('POST', '/v1/tus', { headers });
  if (created.status !== 201) return created;
  const { location } = created.headers;
  return api.call('PATCH', String(location), { headers: { ...piece, 'upload-offset': '0' }, body });
};

describe('a quota', () => {
  it('L11 accepts exactly 10 of 64 uploads that race over form, PUT and tus', async () => {
    const api = await apiOf('racer');
    const answers = await Promise.all(Array.from({ length: 64 }, (_, door) => uploadOver(api, door)));
    const refused = answers.filter(({ status }) => status >= 300);
    expect(answers.length - refused.length).toBe(10);
    expect(new Set(refused.map((answer) => [answer.status, answer.error().code].join(' ')))).toEqual(
      new Set(['403 quota_exceeded']),
    );
    expect(await quotaOf(api)).toEqual({
      object: 'quota',
      owner: 'racer',
      bytes: { limit: 10_000, used: 10_000, reserved: 0 },
      files: { limit: 10, used: 10, reserved: 0 },
    });
  });

  it('U23 is asked before a byte of the body is read', async () => {
    const token = await signToken({ sub: 'early' });
    const connection = await openRaw(gateway.url);
    await connection.send(head(token, 'Expect: 100-continue', 'Content-Length: 10001'));
    const { status, body } = await connection.answer();
    connection.reset();
    expect([status, JSON.parse(body).error.code]).toEqual([403, 'quota_exceeded']);
    expect(connection.received()).not.toContain('100 Continue');
    expect(await quotaOf(createApi(gateway, token))).toMatchObject(NOTHING);
  });

  it('is read and changed by those with the scope admin only', async () => {
    const user = await apiOf('user');
    for (const [method, json] of [['GET'], ['PUT', { bytes: 1 }]] as const) {
      const refused = await user.call(method, '/v1/quotas/user', json === undefined ? {} : { json });
      expect([refused.status, refused.error().code]).toEqual([403, 'insufficient_scope']);
    }
    const changed = await admin.call('PUT', '/v1/quotas/user', { json: { bytes: 500, files: 0 } });
    expect(changed.json()).toMatchObject({ owner: 'user', bytes: { limit: 500 }, files: { limit: null } });
    expect(await quotaOf(user)).toMatchObject({ bytes: { limit: 500 } });
    const refused = await user.upload({ text: TEXT, filename: 'a.txt' });
    expect([refused.status, refused.error().code]).toEqual([403, 'quota_exceeded']);
    const back = await admin.call('PUT', '/v1/quotas/user', { json: { bytes: null, files: null } });
    expect(back.json()).toMatchObject({ bytes: { limit: 10_000 }, files: { limit: 10 } });
  });

  it.each(['%00', 'a%20b', '%0a', '%e2%80'])('is nobody’s: %s', async (sub) => {
    for (const call of [['GET'], ['PUT', { json: { bytes: 1 } }]] as const) {
      const [method, options] = call;
      const refused = await admin.call(method, `/v1/quotas/${sub}`, options ?? {});
      expect([refused.status, refused.error().code]).toEqual([400, 'invalid_request']);
    }
  });

  it.each([{ bytes: -1 }, { bytes: 1.5 }, { files: '10' }, { size: 1 }, []])(
    'is not changed to %j',
    async (json) => {
      const refused = await admin.call('PUT', '/v1/quotas/user', { json });
      expect([refused.status, refused.error().code]).toEqual([400, 'invalid_request']);
    },
  );

  it.each(['FIN', 'RST', 'kill -9'])('is free again after %s in the middle of an upload', async (end) => {
    const started = end === 'kill -9' ? await startGateway({ env }) : gateway;
    const token = await signToken({ sub: `cut-by-${end.replace(' ', '')}` });
    const quota = (from: GatewayProcess) =>
      quotaOf(createApi(from, token)) as Promise<{ bytes: { reserved: number } }>;
    const connection = await openRaw(started.url);
    await connection.send(`${head(token, 'Content-Length: 9000')}${'x'.repeat(4_000)}`);
    await until('room is reserved', async () => (await quota(started)).bytes.reserved === 9_000);
    if (end === 'FIN') connection.end();
    else if (end === 'RST') connection.reset();
    else await started.kill9();
    const after = end === 'kill -9' ? await startGateway({ env, home: started.home }) : gateway;
    await until('nothing is reserved', async () => (await quota(after)).bytes.reserved === 0);
    expect(await quota(after)).toMatchObject(NOTHING);
  });
});

const NOTHING = { bytes: { used: 0, reserved: 0 }, files: { used: 0, reserved: 0 } };

const head = (token: string, ...lines: readonly string[]): string =>
  [
    'PUT /v1/files?filename=a.txt&provider=none HTTP/1.1',
    'Host: x',
    `Authorization: Bearer ${token}`,
    ...lines,
    '',
    '',
  ].join('\r\n');

describe('waybill quota', () => {
  it('shows and changes it on the machine of the gateway', async () => {
    const at = { env: { ...env, DATA_DIR: gateway.dataDir }, cwd: gateway.home };
    const set = await runWaybill(
      ['quota', 'set', '--sub', 'cli-user', '--bytes', '1 MB', '--files', '0', '--json'],
      at,
    );
    expect([set.exitCode, set.stderr]).toEqual([0, '']);
    expect(JSON.parse(set.stdout)).toMatchObject({ bytes: { limit: 2 ** 20 }, files: { limit: null } });
    const got = await runWaybill(['quota', 'get', '--sub', 'cli-user'], at);
    expect([got.exitCode, got.stdout]).toEqual([
      0,
      expect.stringMatching(/bytes +0 B +0 B +1 MB\nfiles +0 +0 +none\n/u),
    ]);
    const wrong = await runWaybill(['quota', 'set', '--sub', 'cli-user', '--bytes', 'much'], at);
    expect([wrong.exitCode, wrong.stderr]).toEqual([2, expect.stringContaining('--bytes takes a number')]);
  });
});
