import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Answer, createApi, type FileObject, sha256 } from '../support/create-api.ts';
import { expectRefusal } from '../support/expect-refusal.ts';
import { openRaw, rawRequest } from '../support/raw-http.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, makeHome, startGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);

interface UploadUrl {
  readonly object: string;
  readonly id: string;
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly expires_at: number;
}

const BYTES = 'Words for one file, and no more.';

describe('upload URLs', () => {
  let gateway: GatewayProcess;
  beforeAll(async () => {
    gateway = await startGateway({ env: { JWT_SECRET_KEY: JWT_SECRET, LOG_LEVEL: 'trace' } });
  });

  const ask = async (wanted: object = {}, token = gateway.token): Promise<Answer> =>
    createApi(gateway, token).call('POST', '/v1/upload-urls', {
      json: { filename: 'words.txt', provider: 'none', ...wanted },
    });
  const create = async (wanted: object = {}, token?: string): Promise<UploadUrl> => {
    const answer = await ask(wanted, token);
    expect(answer.status, String(answer.bytes)).toBe(201);
    return answer.json<UploadUrl>();
  };
  /** Sends a file as somebody without a token, who has the address from elsewhere. */
  const put = (
    url: string,
    {
      bytes = BYTES,
      headers = {},
      token = null,
    }: { bytes?: string; headers?: Record<string, string>; token?: string | null } = {},
  ): Promise<Answer> => {
    const { pathname, search } = new URL(url);
    return createApi(gateway, token).call('PUT', `${pathname}${search}`, {
      headers,
      body: Buffer.from(bytes),
    });
  };
  const refused = (answer: Answer, status: number, code: string) =>
    expectRefusal({ status: answer.status, body: String(answer.bytes) }, [status, code]);

  it('M18 take one file without a token, by plain curl, for whoever asked', async () => {
    const made = await create({ purpose: 'batch', expires_after: { anchor: 'created_at', seconds: 3_600 } });
    expect(made).toMatchObject({ object: 'upload_url', method: 'PUT', headers: {} });
    const { id } = made;
    expect(made.url).toMatch(new RegExp(`^${gateway.url}/v1/upload-urls/${id}\\?signature=[\\w-]{43}$`, 'u'));
    const path = join(await makeHome(), 'elsewhere.bin');
    await writeFile(path, BYTES);
    const { stdout } = await run('curl', ['--silent', '--fail-with-body', '-T', path, made.url]);
    const file = JSON.parse(stdout) as FileObject;
    expect(file).toMatchObject({
      filename: 'words.txt',
      purpose: 'batch',
      bytes: BYTES.length,
      sha256: sha256(BYTES),
      media_type: 'text/plain',
      status: 'processed',
    });
    expect(file.expires_at).toBe(file.created_at + 3_600);
    expect((await createApi(gateway).call('GET', `/v1/files/${file.id}`)).file()).toMatchObject({
      id: file.id,
    });
    refused(await put(made.url), 410, 'upload_url_used');
  });

  it('belong to who asked, whatever token comes with the file', async () => {
    const other = await signToken({ sub: 'somebody-else' });
    const { url } = await create();
    const file = (await put(url, { token: other })).file();
    const listed = (await createApi(gateway, other).call('GET', '/v1/files')).json<{ data: FileObject[] }>();
    expect(listed.data).toEqual([]);
    expect((await createApi(gateway, other).call('GET', `/v1/files/${file.id}`)).status).toBe(404);
    expect((await createApi(gateway).call('GET', `/v1/files/${file.id}`)).status).toBe(200);
    const { url: another } = await create();
    expect((await put(another, { token: 'not.a.token' })).status).toBe(200);
  });

  it('take one of 20 files that come at the same time', async () => {
    const { id, url } = await create();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, sender) => put(url, { bytes: `${BYTES} From ${sender}.` })),
    );
    const taken = answers.filter(({ status }) => status === 200);
    expect(taken).toHaveLength(1);
    for (const answer of answers) if (answer !== taken[0]) refused(answer, 410, 'upload_url_used');
    const rows = await gateway.query('select file_id from waybill.upload_urls where id = $1', [id]);
    expect(rows).toEqual([{ file_id: taken[0]?.file().id }]);
  });

  it('take exactly the size that was asked for, announced or not, and can be used again after a refusal', async () => {
    const { url } = await create({ bytes: BYTES.length });
    refused(await put(url, { bytes: `${BYTES}!` }), 413, 'file_too_large');
    refused(await put(url, { bytes: BYTES.slice(1) }), 400, 'invalid_request');
    const { pathname, search, host } = new URL(url);
    const chunked = (text: string) =>
      rawRequest(
        url,
        `PUT ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n` +
          `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`,
      );
    expectRefusal(await chunked(`${BYTES}!`), [413, 'file_too_large']);
    expectRefusal(await chunked(BYTES.slice(1)), [400, 'incomplete_body']);
    expect((await chunked(BYTES)).status).toBe(200);
  });

  it('take the type that was asked for, or none', async () => {
    const { url, headers } = await create({ media_type: 'Text/Markdown; charset=utf-8', filename: 'a.md' });
    expect(headers).toEqual({ 'content-type': 'text/markdown' });
    refused(await put(url, { headers: { 'content-type': 'text/html' } }), 415, 'unsupported_media_type');
    refused(await put(url, { headers: { 'content-encoding': 'gzip' } }), 415, 'unsupported_media_type');
    expect((await put(url, { headers })).file()).toMatchObject({ media_type: 'text/markdown' });
    const { url: another } = await create({ media_type: 'text/markdown', filename: 'a.md' });
    expect((await put(another)).file()).toMatchObject({ media_type: 'text/markdown' });
  });

  it('end with their time', async () => {
    const { id, url, expires_at } = await create({ ttl_seconds: 60 });
    expect(expires_at * 1_000 - Date.now()).toBeLessThanOrEqual(60_000);
    await gateway.query("update waybill.upload_urls set expires_at = now() - interval '1 s' where id = $1", [
      id,
    ]);
    refused(await put(url), 410, 'upload_expired');
  });

  it('cannot be guessed or told from none: a wrong signature, id or method tells nothing', async () => {
    const { id, url } = await create();
    const other = await create();
    const [base = '', signature = ''] = url.split('?signature=');
    const changed = `${signature.slice(0, -2)}${signature.endsWith('AA') ? 'BB' : 'AA'}`;
    const tampered = [
      `${base}?signature=${changed}`,
      `${base}?signature=${other.url.split('=')[1]}`,
      `${base}?signature=`,
      `${base}`,
      `${base}?signature=${signature}&signature=${signature}`,
      `${base.replace(id, 'upurl-000000000000000000000000')}?signature=${signature}`,
      `${base.replace(id, other.id)}?signature=${signature}`,
    ];
    const bodies = [];
    for (const address of tampered) {
      const { message, code, param, type } = refused(await put(address), 404, 'not_found');
      bodies.push(JSON.stringify({ message, code, param, type }));
    }
    expect(new Set(bodies).size).toBe(1);
    const { pathname, search } = new URL(url);
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE'] as const) {
      expect((await createApi(gateway, null).call(method, `${pathname}${search}`)).status).toBe(404);
    }
    expect((await createApi(gateway).call('GET', '/v1/upload-urls')).status).toBe(404);
    // None of which has used it up.
    expect((await put(url)).status).toBe(200);
  });

  it('refuse before the body: who waits to be told to go on is told 404', async () => {
    const { url } = await create();
    const { pathname, host } = new URL(url);
    const connection = await openRaw(url);
    await connection.send(
      `PUT ${pathname}?signature=wrong HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n`,
    );
    const { status, body } = await connection.answer();
    expectRefusal({ status, body }, [404, 'not_found']);
    expect(connection.received()).not.toContain('100 Continue');
    connection.reset();
  });

  it('are asked for with a token that may write, within bounds', async () => {
    const reader = await signToken({ sub: 'local', scope: 'files:read' });
    refused(await ask({}, reader), 403, 'insufficient_scope');
    refused(
      await createApi(gateway, null).call('POST', '/v1/upload-urls', { json: {} }),
      401,
      'invalid_token',
    );
    refused(await ask({ ttl_seconds: 59 }), 400, 'invalid_request');
    refused(await ask({ ttl_seconds: 3_601 }), 400, 'invalid_request');
    refused(await ask({ bytes: 0 }), 400, 'invalid_request');
    refused(await ask({ bytes: 2 ** 50 }), 413, 'file_too_large');
    refused(await ask({ filename: '' }), 400, 'invalid_filename');
    refused(await ask({ media_type: 'nonsense' }), 400, 'invalid_request');
    refused(await ask({ provider: 'nobody' }), 400, 'unknown_provider');
    refused(await ask({ purpose: 'nothing' }), 400, 'invalid_purpose');
    refused(await ask({ surprise: true }), 400, 'invalid_request');
  });

  it('are 100 a user at most that are open', async () => {
    const token = await signToken({ sub: 'collector' });
    const answers = await Promise.all(Array.from({ length: 110 }, () => ask({}, token)));
    const made = answers.filter(({ status }) => status === 201);
    expect(made).toHaveLength(100);
    const full = answers.find(({ status }) => status === 429);
    expect(Number(full?.headers['retry-after'])).toBeGreaterThan(800);
    // One that is used makes room.
    await put(made[0]?.json<UploadUrl>().url ?? '');
    expect((await ask({}, token)).status).toBe(201);
    expect((await ask({}, token)).status).toBe(429);
    expect((await ask()).status).toBe(201);
  });

  it('can be used again after a connection that broke, and after a lease that lapsed', async () => {
    const { id, url } = await create({ bytes: BYTES.length });
    const { pathname, search, host } = new URL(url);
    const claimed = async (): Promise<boolean> =>
      (await gateway.query('select 1 from waybill.upload_urls where id = $1 and claim is not null', [id]))
        .length === 1;
    const connection = await openRaw(url);
    await connection.send(
      `PUT ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${BYTES.length}\r\n\r\n${BYTES.slice(3)}`,
    );
    await until('it is claimed', claimed);
    refused(await put(url), 410, 'upload_url_used');
    connection.reset();
    await until('it is given back', async () => !(await claimed()));
    const claimFor = (time: string) =>
      gateway.query(
        `update waybill.upload_urls set claim = gen_random_uuid(), claimed_by = 'another', claimed_until = now() ${time} where id = $1`,
        [id],
      );
    await claimFor("+ interval '1 min'");
    refused(await put(url), 410, 'upload_url_used');
    await claimFor("- interval '1 s'");
    expect((await put(url)).status).toBe(200);
  });

  it('I13 keep their signatures out of the log and the database', async () => {
    const { url } = await create();
    await put(url);
    const signature = String(url.split('=')[1]);
    await until('the request is logged', () =>
      gateway
        .logs()
        .some(({ event, route }) => event === 'request' && String(route).startsWith('/v1/upload-urls/')),
    );
    expect(JSON.stringify(gateway.logs())).not.toContain(signature);
    const rows = await gateway.query('select * from waybill.upload_urls');
    expect(JSON.stringify(rows)).not.toContain(signature);
  });
});

describe('an upload URL over the life of a gateway', () => {
  it('begins with PUBLIC_URL, and outlives kill -9 in the middle of its upload', async () => {
    const env = { PUBLIC_URL: 'https://files.example.com/gate/' };
    const first = await startGateway({ env });
    const answer = await createApi(first).call('POST', '/v1/upload-urls', {
      json: { filename: 'words.txt', provider: 'none' },
    });
    const { id, url } = answer.json<UploadUrl>();
    expect(url).toMatch(/^https:\/\/files\.example\.com\/gate\/v1\/upload-urls\/upurl-/u);
    const path = url.slice('https://files.example.com/gate'.length);
    const connection = await openRaw(first.url);
    await connection.send(`PUT ${path} HTTP/1.1\r\nHost: gateway\r\nContent-Length: 100000\r\n\r\n${BYTES}`);
    await until('it is claimed', async () => {
      const statement = 'select 1 from waybill.upload_urls where id = $1 and claim is not null';
      return (await first.query(statement, [id])).length === 1;
    });
    await first.kill9();
    const second = await startGateway({ home: first.home, env });
    const stranger = createApi(second, null);
    const file = await stranger.call('PUT', path, { body: Buffer.from(BYTES) });
    expect([file.status, file.file().sha256]).toEqual([200, sha256(BYTES)]);
    const again = await stranger.call('PUT', path, { body: Buffer.from(BYTES) });
    expect(again.error().code).toBe('upload_url_used');
  });
});
