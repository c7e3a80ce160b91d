import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startAnthropicEmulator, TOOL_OUTPUT } from './anthropic.ts';
import {
  API_KEY,
  type CallOptions,
  type EmulatorClient,
  type Reply,
  startClient,
  type UploadParts,
} from './testing/emulator-client.ts';
import { streamUpload } from './testing/stream-upload.ts';

let anthropic: EmulatorClient;

beforeEach(async () => {
  anthropic = await startClient(startAnthropicEmulator, {});
});
afterEach(() => anthropic.close());

const restart = async (options: Partial<Parameters<typeof startAnthropicEmulator>[0]>): Promise<void> => {
  await anthropic.close();
  anthropic = await startClient(startAnthropicEmulator, options);
};
const HEADERS = { 'x-api-key': API_KEY, 'anthropic-version': '2023-06-01' };
const BETA = { 'anthropic-beta': 'files-api-2025-04-14' };
const api = (method: 'GET' | 'DELETE', path: string, headers: CallOptions['headers'] = {}) =>
  anthropic.api(method, path, { headers: { ...HEADERS, ...headers } });
const upload = (parts: UploadParts = {}, headers: CallOptions['headers'] = {}) =>
  anthropic.upload({ purpose: null, ...parts }, { headers: { ...HEADERS, ...headers } });
const seed = async (count: number, more: Record<string, unknown> = {}): Promise<string[]> => {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const file = { filename: `${i}.txt`, text: `${i}`, purpose: 'foreign', ...more };
    ids.push((await anthropic.control('POST', '/files', file)).json<{ id: string }>().id);
  }
  return ids;
};
const errorOf = (reply: Reply) => reply.json<{ error: { type: string; details?: unknown } }>().error;

const GENERATIONS = [
  ['generally available', {}],
  ['beta', BETA],
] as const;

// Half a gigabyte over loopback on a machine that has other work.
const LARGE_UPLOAD_TIMEOUT_MS = 30_000;

describe('an Anthropic upload', () => {
  it('answers the metadata of general availability', async () => {
    const reply = await upload({ text: 'hello' });
    const { id, created_at, ...rest } = reply.json<{ id: string; created_at: string }>();
    expect(reply.status).toBe(200);
    expect(id).toMatch(/^file_[0-9A-Za-z]{24}$/);
    expect(created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(rest).toEqual({
      type: 'file',
      filename: 'notes.txt',
      mime_type: 'text/plain',
      size_bytes: 5,
      downloadable: false,
      expires_at: null,
    });
    expect((await anthropic.control('GET', `/files/${id}/bytes`)).text).toBe('hello');
  });

  it('answers the older metadata to the beta header, alone or among others', async () => {
    for (const value of [
      'files-api-2025-04-14',
      'other-2026-01-01,files-api-2025-04-14',
      'x, files-api-2025-04-14',
    ]) {
      const file = (await upload({}, { 'anthropic-beta': value })).json();
      expect(file).toHaveProperty('scope');
      expect(file).not.toHaveProperty('expires_at');
    }
    expect((await upload({}, { 'anthropic-beta': 'other-2026-01-01' })).json()).not.toHaveProperty('scope');
  });

  it.each([
    ['a purpose', { purpose: 'user_data' }, /^purpose: Extra inputs/],
    ['any other field', { fields: { expiry: '24' } }, /^expiry: Extra inputs/],
    ['too short a life', { fields: { expires_in_seconds: '3599' } }, /^expires_in_seconds/],
    ['too long a life', { fields: { expires_in_seconds: '7776001' } }, /^expires_in_seconds/],
    ['a life that is no number', { fields: { expires_in_seconds: '1h' } }, /^expires_in_seconds/],
    ['an empty life', { fields: { expires_in_seconds: '' } }, /^expires_in_seconds/],
    ['an empty file', { text: '' }, /^file: is empty/],
  ])('refuses %s with a 400 in both generations, keeping nothing', async (_, parts, message) => {
    for (const [, headers] of GENERATIONS) {
      const reply = await upload(parts, headers);
      expect(reply.status).toBe(400);
      expect(errorOf(reply)).toEqual({
        type: 'invalid_request_error',
        message: expect.stringMatching(message),
      });
    }
    expect((await anthropic.state()).files).toEqual([]);
  });

  it.each([3_600, 7_776_000])('keeps a file for %i seconds when told', async (seconds) => {
    for (const [, headers] of GENERATIONS) {
      const fields = { expires_in_seconds: String(seconds) };
      const file = (await upload({ fields }, headers)).json<{ created_at: string; expires_at: string }>();
      expect(Date.parse(file.expires_at) - Date.parse(file.created_at)).toBe(seconds * 1_000);
    }
  });

  it('takes an empty file when told so', async () => {
    await restart({ variants: { emptyFile: 'accept' } });
    expect((await upload({ text: '' })).json()).toMatchObject({ size_bytes: 0 });
  });

  it('takes the same bytes under the same name twice', async () => {
    expect((await upload()).json().id).not.toBe((await upload()).json().id);
    expect((await anthropic.state()).files).toHaveLength(2);
  });

  it(
    'answers 413 above 500 MB',
    async () => {
      const reply = await streamUpload(anthropic.emulator.url, { sizeBytes: 500_000_001, headers: HEADERS });
      expect(reply.status).toBe(413);
      expect(JSON.parse(reply.text)).toMatchObject({ error: { type: 'request_too_large' } });
      expect((await anthropic.state()).files).toEqual([]);
    },
    LARGE_UPLOAD_TIMEOUT_MS,
  );

  it('takes a file of exactly the limit, and not a byte more', async () => {
    await restart({ limits: { maxFileBytes: 10 } });
    expect((await upload({ text: '0123456789' })).status).toBe(200);
    expect((await upload({ text: '0123456789a' })).status).toBe(413);
  });

  it.each([
    ['generally available', {}, 400, 'invalid_request_error'],
    ['beta', BETA, 403, 'permission_error'],
  ] as const)('beyond the quota is refused as the %s API does', async (_, headers, status, type) => {
    await restart({ limits: { maxTotalBytes: 10 } });
    expect((await upload({ text: '0123456789' })).status).toBe(200);
    const reply = await upload({ text: 'x' }, headers);
    expect(reply.status).toBe(status);
    expect(errorOf(reply)).toMatchObject({ type, details: { error_code: 'storage_quota_exceeded' } });
  });
});

describe("an uploaded file's name at Anthropic", () => {
  it.each([
    ['a/b/c.txt', 'c.txt'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\\\temp\\\\c.txt', 'c.txt'],
    ['报告 1.txt', '报告 1.txt'],
    ['a:b?.txt', 'a:b?.txt'],
    ['', 'unnamed.txt'],
    ['a/', 'unnamed.txt'],
    ['..', 'unnamed.txt'],
  ])('%j becomes %j', async (filename, kept) => {
    expect((await upload({ filename })).json()).toMatchObject({ filename: kept });
  });

  it('that is missing gets the extension of its type, if that is a known one', async () => {
    const named = async (mediaType: string) => (await upload({ filename: '', mediaType })).json().filename;
    expect(await named('application/pdf')).toBe('unnamed.pdf');
    expect(await named('application/x-own')).toBe('unnamed');
  });

  it.each([
    'a/b.txt',
    'a\\\\b.txt',
    'a<b',
    'a\\"b',
    'a>b',
    'a:b',
    'a|b',
    'a?b',
    'a*b',
    'a\u0001b',
    'a\u007fb',
    '',
    'x'.repeat(256),
  ])('%j is refused in the beta', async (filename) => {
    const reply = await upload({ filename }, BETA);
    expect(reply.status).toBe(400);
    expect(errorOf(reply)).toMatchObject({ message: expect.stringMatching(/^filename: /) });
    expect((await anthropic.state()).files).toEqual([]);
  });

  it.each(['x'.repeat(255), '字'.repeat(255), '报告 1.txt'])('%j is fine in the beta', async (filename) => {
    expect((await upload({ filename }, BETA)).json()).toMatchObject({ filename });
  });
});

describe('Anthropic and its headers', () => {
  it.each([
    ['no key', { 'anthropic-version': '2023-06-01' }, 401, 'authentication_error'],
    ['another key', { ...HEADERS, 'x-api-key': 'other' }, 401, 'authentication_error'],
    ['no version', { 'x-api-key': API_KEY }, 400, 'invalid_request_error'],
    [
      'a version there never was',
      { ...HEADERS, 'anthropic-version': '2030-01-01' },
      400,
      'invalid_request_error',
    ],
  ])('with %s answers an error, whatever the bearer token', async (_, headers, status, type) => {
    const reply = await anthropic.upload({ purpose: null }, { headers });
    expect(reply.status).toBe(status);
    expect(errorOf(reply).type).toBe(type);
    expect((await anthropic.state()).files).toEqual([]);
  });

  it('names each request in a header, and in the body of an error', async () => {
    const { id } = (await upload()).json();
    const replies = [
      await upload(),
      await api('GET', '/files'),
      await api('GET', `/files/${id}`),
      await api('GET', `/files/${id}/content`),
      await api('DELETE', `/files/${id}`),
      await api('GET', `/files/${id}`),
      await api('GET', '/nowhere'),
      await anthropic.api('GET', '/files'),
    ];
    const ids = replies.map(({ headers }) => headers['request-id']);
    for (const requestId of ids) expect(requestId).toMatch(/^req_[0-9A-Za-z]{24}$/);
    expect(new Set(ids).size).toBe(ids.length);
    const failed = replies.filter(({ status }) => status >= 400);
    expect(failed).toHaveLength(4);
    for (const { headers, json } of failed) {
      expect(json()).toMatchObject({ type: 'error', request_id: headers['request-id'] });
    }
  });

  it('are recorded, except the key', async () => {
    await api('GET', '/files', BETA);
    const [record] = (await anthropic.state()).requests;
    expect(record?.headers).toMatchObject({ ...BETA, 'anthropic-version': '2023-06-01' });
    expect(JSON.stringify(record)).not.toContain(API_KEY);
  });
});

describe('Anthropic answers', () => {
  it.each(GENERATIONS)('one file, and deletes it once (%s)', async (_, headers) => {
    const created = (await upload({}, headers)).json();
    const path = `/files/${created.id}`;
    expect((await api('GET', path, headers)).json()).toEqual(created);
    expect((await api('DELETE', path, headers)).json()).toEqual({ id: created.id, type: 'file_deleted' });
    for (const reply of [
      await api('DELETE', path, headers),
      await api('GET', path, headers),
      await api('GET', `${path}/content`, headers),
    ]) {
      expect(reply.status).toBe(404);
      expect(errorOf(reply)).toEqual({
        type: 'not_found_error',
        message: `File not found: ${created.id}`,
      });
    }
    expect((await anthropic.state()).deleted).toEqual([created.id]);
  });

  it('refuse the content of an upload, and give that of a file a tool made', async () => {
    const { id } = (await upload()).json();
    const refused = await api('GET', `/files/${id}/content`);
    expect(refused.status).toBe(400);
    expect(errorOf(refused)).toMatchObject({
      type: 'invalid_request_error',
      details: { error_code: 'file_not_downloadable' },
    });
    const [made] = await seed(1, { purpose: TOOL_OUTPUT, text: 'a,b\n' });
    expect((await api('GET', `/files/${made}`)).json()).toMatchObject({ downloadable: true });
    expect((await api('GET', `/files/${made}/content`)).text).toBe('a,b\n');
  });

  it.each(['file_gone', 'not-an-id', '..%2f..'])('404 to the id %s', async (id) => {
    expect((await api('GET', `/files/${id}`)).status).toBe(404);
  });

  it('404 with its own code once a file expired, which is no deletion', async () => {
    const [id] = await seed(1, { expiresAt: 1 });
    const reply = await api('GET', `/files/${id}`);
    expect(reply.status).toBe(404);
    expect(errorOf(reply)).toMatchObject({
      type: 'not_found_error',
      details: { error_code: 'file_expired' },
    });
    expect((await api('GET', '/files')).json()).toMatchObject({ data: [] });
    const { files, deleted } = await anthropic.state();
    expect([files, deleted]).toEqual([[], []]);
  });

  it('404 when a file uploaded with a life has outlived it', async () => {
    await anthropic.fault('clock-skew', { on: 'upload', skewSeconds: -7_200 });
    const { id } = (await upload({ fields: { expires_in_seconds: '3600' } })).json();
    expect(errorOf(await api('GET', `/files/${id}`))).toMatchObject({
      details: { error_code: 'file_expired' },
    });
  });

  it('404 with the other type of the documents when told so', async () => {
    await restart({ variants: { missingType: 'invalid_request_error' } });
    const reply = await api('GET', '/files/nobody');
    expect([reply.status, errorOf(reply).type]).toEqual([404, 'invalid_request_error']);
  });
});

describe("Anthropic's own error for a status", () => {
  it.each([
    [{ status: 400 }, { type: 'invalid_request_error' }],
    [
      { status: 400, code: 'storage_quota_exceeded' },
      { type: 'invalid_request_error', details: { error_code: 'storage_quota_exceeded' } },
    ],
    [{ status: 401 }, { type: 'authentication_error' }],
    [{ status: 403 }, { type: 'permission_error' }],
    [{ status: 404 }, { type: 'not_found_error' }],
    [{ status: 409 }, { type: 'invalid_request_error' }],
    [{ status: 413 }, { type: 'request_too_large' }],
    [{ status: 429 }, { type: 'rate_limit_error' }],
    [{ status: 500 }, { type: 'api_error' }],
    [{ status: 503 }, { type: 'api_error' }],
    [{ status: 503, code: 'overloaded_error' }, { type: 'overloaded_error' }],
    [{ status: 529 }, { type: 'overloaded_error' }],
  ])('for %j is %j', async (parameters, error) => {
    await anthropic.fault('status', { on: 'list', ...parameters });
    const reply = await api('GET', '/files');
    expect(reply.status).toBe(parameters.status);
    expect(reply.json()).toEqual({
      type: 'error',
      error: { message: expect.any(String), ...error },
      request_id: reply.headers['request-id'],
    });
  });

  it.each([
    ['its own hint', {}, {}, '1'],
    ['the seconds of a fault', {}, { retryAfter: 90 }, '90'],
    [
      'the date of a fault',
      {},
      { retryAfter: 'Mon, 23 Nov 2026 12:00:00 GMT' },
      'Mon, 23 Nov 2026 12:00:00 GMT',
    ],
    ['none when told so', { rateLimitHint: 'none' }, {}, undefined],
  ])('429 carries %s', async (_, variants, parameters, retryAfter) => {
    await anthropic.control('PUT', '/variants', variants);
    await anthropic.fault('status', { on: 'upload', status: 429, ...parameters });
    const reply = await upload();
    expect(reply.status).toBe(429);
    expect(reply.headers['retry-after']).toBe(retryAfter);
  });
});
