import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Reply } from './testing/emulator-client.ts';
import { type GeminiClient, startGemini } from './testing/gemini-client.ts';

let gemini: GeminiClient;

beforeEach(async () => {
  gemini = await startGemini();
});
afterEach(() => gemini.close());

const restart = async (options: Parameters<typeof startGemini>[0]): Promise<void> => {
  await gemini.close();
  gemini = await startGemini(options);
};
const get = async (name: unknown): Promise<Record<string, unknown>> =>
  (await gemini.api('GET', `/v1beta/${String(name)}`)).json();
const seed = async (filename: string, more: Readonly<Record<string, unknown>> = {}): Promise<string> => {
  const reply = await gemini.control('POST', '/files', {
    filename,
    text: filename,
    purpose: 'UPLOADED',
    ...more,
  });
  return `files/${reply.json().id}`;
};
interface List {
  files?: { name: string; displayName: string; sizeBytes: string }[];
  nextPageToken?: string;
}
const list = async (query = ''): Promise<List> =>
  (await gemini.api('GET', `/v1beta/files${query}`)).json<List>();
const names = ({ files = [] }: List): string[] => files.map(({ displayName }) => displayName);
const isDenied = (reply: Reply): void => {
  expect(reply.status).toBe(403);
  expect(reply.json()).toMatchObject({
    error: { code: 403, status: 'PERMISSION_DENIED', message: expect.stringContaining('may not exist') },
  });
};

describe('a Gemini file', () => {
  it('is wrapped when created and bare when retrieved, with every field', async () => {
    const path = await gemini.begin({ sizeBytes: 12, file: { displayName: '报告.txt' } });
    const reply = await gemini.send(path, 'upload, finalize', { offset: 0, body: 'hello world\n' });
    const created = reply.json();
    expect(Object.keys(created)).toEqual(['file']);
    const file = created.file as Record<string, unknown>;
    const { name, createTime, updateTime, expirationTime, uri, ...rest } = file;
    expect(name).toMatch(/^files\/[a-z0-9]{12}$/);
    expect(uri).toBe(`${gemini.emulator.url}/v1beta/${name}`);
    expect(createTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(updateTime).toBe(createTime);
    expect(Date.parse(String(expirationTime)) - Date.parse(String(createTime))).toBe(48 * 3_600_000);
    expect(rest).toEqual({
      displayName: '报告.txt',
      mimeType: 'text/plain',
      sizeBytes: '12',
      sha256Hash: Buffer.from(
        'a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447',
        'hex',
      ).toString('base64'),
      state: 'ACTIVE',
      source: 'UPLOADED',
    });
    expect(await get(name)).toEqual(file);
  });

  it('writes its hash as base64 of the hex text where so chosen', async () => {
    await restart({ variants: { sha256Hash: 'base64-of-hex' } });
    const { sha256Hash } = await gemini.put('hello world\n');
    expect(Buffer.from(String(sha256Hash), 'base64').toString()).toBe(
      'a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447',
    );
  });

  it.each([
    ['a text at once', 'text/plain', {}, ['ACTIVE', 'ACTIVE']],
    [
      'a text after two looks',
      'text/plain',
      { processingRetrieves: 2 },
      ['PROCESSING', 'PROCESSING', 'ACTIVE'],
    ],
    ['a video after one', 'video/mp4', {}, ['PROCESSING', 'ACTIVE']],
    [
      'a sound after two',
      'audio/mp3',
      { mediaProcessingRetrieves: 2 },
      ['PROCESSING', 'PROCESSING', 'ACTIVE'],
    ],
  ] as const)('is processed: %s', async (_, mimeType, variants, expected) => {
    await gemini.control('PUT', '/variants', variants);
    const created = await gemini.put('x', { file: { mimeType } });
    const states: unknown[] = [];
    for (const _look of expected) states.push((await get(created.name)).state);
    expect(created.state).toBe(expected[0]);
    expect(states).toEqual(expected);
    const { files = [] } = await list();
    expect(files).toMatchObject([{ state: 'ACTIVE' }]);
    expect(Object.hasOwn(files[0] ?? {}, 'videoMetadata')).toBe(mimeType === 'video/mp4');
  });

  it('fails to be processed where so chosen, and stays failed', async () => {
    await restart({ variants: { processingEnds: 'failed', processingRetrieves: 1 } });
    const { name, state, ...created } = await gemini.put('x');
    expect(state).toBe('PROCESSING');
    expect(created).not.toHaveProperty('error');
    await gemini.control('PUT', '/variants', { processingEnds: 'active' });
    await get(name);
    expect(await get(name)).toMatchObject({
      state: 'FAILED',
      error: { code: 2, message: expect.stringContaining('failed') },
    });
  });

  it('is deleted once, with an empty object', async () => {
    const { name } = await gemini.put('x');
    const reply = await gemini.api('DELETE', `/v1beta/${name}`);
    expect(reply).toMatchObject({ status: 200, text: '{}' });
    isDenied(await gemini.api('DELETE', `/v1beta/${name}`));
    isDenied(await gemini.api('GET', `/v1beta/${name}`));
    expect((await gemini.state()).deleted).toEqual([String(name).slice('files/'.length)]);
  });

  it('gives its name back when it is deleted', async () => {
    const file = { name: 'files/mine' };
    await gemini.put('one', { file });
    await gemini.api('DELETE', '/v1beta/files/mine');
    expect(await gemini.put('three', { file })).toMatchObject({ name: 'files/mine', sizeBytes: '5' });
  });

  it('expires: denied, unlisted, its room and its name free, and not deleted by us', async () => {
    await restart({ limits: { maxTotalBytes: 10 }, variants: { lifetimeSeconds: 60 } });
    const now = Math.floor(Date.now() / 1_000);
    const { createTime, expirationTime } = await gemini.put('x', { file: { name: 'files/kept' } });
    expect(Date.parse(String(expirationTime)) - Date.parse(String(createTime))).toBe(60_000);
    const name = await seed('expired', { createdAt: now - 172_800, expiresAt: now - 1 });
    isDenied(await gemini.api('GET', `/v1beta/${name}`));
    expect((await list()).files).toMatchObject([{ name: 'files/kept' }]);
    const file = { name };
    expect(await gemini.put('123456789', { file })).toMatchObject({ name });
    expect((await gemini.state()).deleted).toEqual([]);
  });

  it('can be downloaded if generated, never if uploaded', async () => {
    const { name } = await gemini.put('x');
    const refused = await gemini.api('GET', `/v1beta/${name}:download?alt=media`);
    expect(refused.status).toBe(400);
    const made = await seed('made', { purpose: 'GENERATED' });
    expect(await get(made)).toMatchObject({
      source: 'GENERATED',
      downloadUri: `${gemini.emulator.url}/v1beta/${made}:download?alt=media`,
    });
    expect((await gemini.api('GET', `/v1beta/${made}:download?alt=media`)).text).toBe('made');
  });
});

describe('a Gemini list', () => {
  it('of nothing is an empty object', async () => {
    expect((await gemini.api('GET', '/v1beta/files')).text).toBe('{}');
  });

  it('comes in pages of ten, newest first, and goes on when the last file of a page is deleted', async () => {
    const expected = Array.from({ length: 25 }, (_, i) => String(24 - i));
    for (const filename of expected.toReversed()) await seed(filename);
    const first = await list();
    const second = await list(`?pageToken=${first.nextPageToken}`);
    await gemini.api('DELETE', `/v1beta/${second.files?.at(-1)?.name}`);
    const third = await list(`?pageToken=${second.nextPageToken}`);
    expect([first, second, third].flatMap(names)).toEqual(expected);
    expect([first, second, third].map(({ files = [] }) => files.length)).toEqual([10, 10, 5]);
    expect(third).not.toHaveProperty('nextPageToken');
  });

  it.each([
    ['?pageSize=3', 3],
    ['?pageSize=0', 10],
    ['?pageSize=1000', 100],
    ['?pageSize=', 10],
    ['?pageToken=', 10],
  ])('asked with %s has %i files', async (query, count) => {
    for (let i = 0; i < 101; i++) await seed(String(i));
    expect((await list(query)).files).toHaveLength(count);
  });

  it('of exactly one page promises no more', async () => {
    await seed('1');
    await seed('2');
    expect(await list('?pageSize=2')).not.toHaveProperty('nextPageToken');
    expect(await list('?pageSize=1')).toHaveProperty('nextPageToken');
  });

  it.each(['?pageSize=-1', '?pageSize=x', '?pageToken=nonsense'])('refuses %s', async (query) => {
    const reply = await gemini.api('GET', `/v1beta/files${query}`);
    expect(reply.status).toBe(400);
    expect(reply.json()).toMatchObject({ error: { status: 'INVALID_ARGUMENT' } });
  });
});

describe('a Gemini key', () => {
  const key = 'key-id.key-secret';

  it('may be a header or a parameter', async () => {
    for (const [path, headers] of [
      ['/v1beta/files', { 'x-goog-api-key': key }],
      [`/v1beta/files?key=${key}`, {}],
    ] as const) {
      const url = new URL(path, gemini.emulator.url);
      expect((await fetch(url, { headers })).status).toBe(200);
    }
  });

  it.each([
    ['GET', '/v1beta/files'],
    ['GET', '/v1beta/files/x'],
    ['DELETE', '/v1beta/files/x'],
    ['POST', '/upload/v1beta/files'],
  ] as const)('that is wrong is a 400 to %s %s, and one that is missing a 403', async (method, path) => {
    const wrong = await gemini.api(method, path, { headers: { 'x-goog-api-key': 'wrong' } });
    expect(wrong.status).toBe(400);
    expect(wrong.json()).toMatchObject({
      error: {
        code: 400,
        status: 'INVALID_ARGUMENT',
        details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' }],
      },
    });
    const missing = await fetch(new URL(path, gemini.emulator.url), { method });
    expect(missing.status).toBe(403);
    expect(await missing.json()).toMatchObject({ error: { status: 'PERMISSION_DENIED' } });
  });
});

it.each([
  ['GET', '/nowhere'],
  ['GET', '/v1beta/files/x/y'],
  ['GET', '/v1beta/files/'],
  ['POST', '/v1beta/files'],
  ['DELETE', '/v1beta/files'],
  ['GET', '/upload/v1beta/files'],
  ['GET', '/upload/v1beta/files?upload_id=x'],
  ['DELETE', '/v1beta/files/x:download'],
] as const)('has nothing at %s %s and says so in HTML', async (method, path) => {
  const reply = await gemini.api(method, path);
  expect(reply.status).toBe(404);
  expect(reply.headers['content-type']).toMatch(/^text\/html/);
});

describe("Gemini's own error for a status", () => {
  it.each([
    [{ status: 401 }, { status: 'UNAUTHENTICATED' }],
    [{ status: 400, code: 'FAILED_PRECONDITION' }, { status: 'FAILED_PRECONDITION' }],
    [{ status: 400, code: 'API_KEY_INVALID' }, { details: [{ reason: 'API_KEY_INVALID' }] }],
    [
      { status: 429, code: 'FileStorageBytesPerProject' },
      { message: expect.stringContaining('21474836480') },
    ],
    [{ status: 500 }, { status: 'INTERNAL' }],
    [{ status: 503 }, { status: 'UNAVAILABLE' }],
    [{ status: 418 }, { status: 'UNKNOWN', code: 418 }],
  ])('for %j says %j', async (parameters, error) => {
    await gemini.fault('status', { on: 'list', ...parameters });
    const reply = await gemini.api('GET', '/v1beta/files');
    expect(reply.status).toBe(parameters.status);
    expect(reply.json()).toMatchObject({ error });
  });

  it('names the wait of a rate limit in its details only, or nowhere', async () => {
    await gemini.fault('status', { on: 'list', status: 429, times: 2 });
    const reply = await gemini.api('GET', '/v1beta/files');
    expect(reply.headers).not.toHaveProperty('retry-after');
    expect(reply.json()).toMatchObject({
      error: {
        status: 'RESOURCE_EXHAUSTED',
        details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '12s' }],
      },
    });
    await gemini.control('PUT', '/variants', { retryDelay: '' });
    expect((await gemini.api('GET', '/v1beta/files')).text).not.toContain('retryDelay');
  });
});
