import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startOpenAiEmulator } from './openai.ts';
import { API_KEY, type EmulatorClient, type Reply, startClient } from './testing/emulator-client.ts';

let openai: EmulatorClient;

beforeEach(async () => {
  openai = await startClient(startOpenAiEmulator, {});
});
afterEach(() => openai.close());

const restart = async (options: Partial<Parameters<typeof startOpenAiEmulator>[0]>): Promise<void> => {
  await openai.close();
  openai = await startClient(startOpenAiEmulator, options);
};
const upload: EmulatorClient['upload'] = (parts, options) =>
  openai.upload({ purpose: 'user_data', ...parts }, options);
const idOf = (reply: Reply): string => String(reply.json().id);
const ALL_PURPOSES = ['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals'];

describe('an OpenAI upload', () => {
  it('answers a File object and keeps the bytes and their hash', async () => {
    const reply = await upload({ filename: '报告 1.txt', text: 'hello world\n' });
    const { id, created_at, ...rest } = reply.json();
    expect(reply.status).toBe(200);
    expect(id).toMatch(/^file-[a-z0-9]{22}$/);
    expect(Number.isInteger(created_at)).toBe(true);
    expect(rest).toEqual({
      object: 'file',
      bytes: 12,
      expires_at: null,
      filename: '报告 1.txt',
      purpose: 'user_data',
      status: 'processed',
      status_details: null,
    });
    expect((await openai.state()).files).toMatchObject([
      { id, sha256: 'a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447' },
    ]);
    expect((await openai.control('GET', `/files/${id}/bytes`)).text).toBe('hello world\n');
  });

  it('takes the parts in either order, and a body without Content-Length', async () => {
    expect((await upload({ fileFirst: true }, { chunked: true })).json()).toMatchObject({
      purpose: 'user_data',
    });
  });

  it.each(ALL_PURPOSES)('takes a jsonl file for %s', async (purpose) => {
    expect((await upload({ purpose, filename: 'a.JSONL' })).json()).toMatchObject({ purpose });
  });

  it.each([
    ['no purpose', { purpose: null }, "'purpose' is a required property", 'purpose'],
    [
      'an output purpose',
      { purpose: 'batch_output' },
      /^'batch_output' is not one of \['assi.* - 'pu/,
      'purpose',
    ],
    ['another provider’s purpose', { purpose: 'file-extract' }, /^'file-extract' is not one of/, 'purpose'],
    ['no file', { field: 'data' }, "'file' is a required property", 'file'],
    [
      'a batch that is not jsonl',
      { purpose: 'batch' },
      'Invalid file format for Batch API. Must be .jsonl',
      null,
    ],
    ['such a training file', { purpose: 'fine-tune' }, /^Invalid file format for Fine-Tuning API/, null],
    ['an empty file', { text: '' }, 'File is empty.', 'file'],
  ])('refuses %s with a 400 and keeps nothing', async (_, parts, message, param) => {
    const reply = await upload(parts);
    expect(reply.status).toBe(400);
    expect(reply.json()).toEqual({
      error: {
        message: typeof message === 'string' ? message : expect.stringMatching(message),
        type: 'invalid_request_error',
        param,
        code: null,
      },
    });
    expect((await openai.state()).files).toEqual([]);
  });

  it('refuses a body that is no form', async () => {
    const reply = await openai.api('POST', '/files', { body: '{}' });
    expect(reply.status).toBe(400);
    expect(reply.text).toContain('multipart/form-data');
  });

  it.each([
    ['413', 413],
    ['400', 400],
  ] as const)(
    'refuses a file above its limit with %s, where the variant says so',
    async (tooLarge, status) => {
      await restart({ limits: { maxFileBytes: 10 }, variants: { tooLarge } });
      expect((await upload({ text: '0123456789' })).status).toBe(200);
      const reply = await upload({ text: '0123456789a' });
      expect(reply.status).toBe(status);
      expect(reply.json()).toMatchObject({
        error: { message: 'Maximum content size limit (10) exceeded (11 bytes read)' },
      });
      expect((await openai.state()).files).toHaveLength(1);
    },
  );

  it('refuses what the project has no room for with a 400 of its own', async () => {
    await restart({ limits: { maxTotalBytes: 10 } });
    expect((await upload({ text: '123456' })).status).toBe(200);
    const reply = await upload({ text: '12345' });
    expect(reply.status).toBe(400);
    expect(reply.text).toContain('You have exceeded your file storage quota.');
    expect((await upload({ text: '1234' })).status).toBe(200);
  });

  it('never passes its limit when uploads come at once', async () => {
    await restart({ limits: { maxFiles: 3 } });
    const replies = await Promise.all(Array.from({ length: 12 }, () => upload()));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(3);
  });
});

describe('expires_after', () => {
  const ANCHOR = 'expires_after[anchor]';
  const SECONDS = 'expires_after[seconds]';

  it.each([
    ['the shortest', { [ANCHOR]: 'created_at', [SECONDS]: '3600' }, 'user_data', 3_600],
    ['the longest', { [ANCHOR]: 'created_at', [SECONDS]: '2592000' }, 'user_data', 2_592_000],
    ['one of a batch', { [ANCHOR]: 'created_at', [SECONDS]: '7200' }, 'batch', 7_200],
    ['none, for a batch', {}, 'batch', 2_592_000],
  ])('sets the expiry: %s', async (_, fields, purpose, lifetime) => {
    const { created_at, expires_at } = (await upload({ fields, purpose, filename: 'a.jsonl' })).json();
    expect(Number(expires_at) - Number(created_at)).toBe(lifetime);
  });

  it.each([
    [{ [SECONDS]: '3600' }, 'expires_after.anchor', 'missing_required_parameter'],
    [{ [ANCHOR]: 'last_active_at', [SECONDS]: '3600' }, 'expires_after.anchor', 'invalid_value'],
    [{ [ANCHOR]: 'created_at' }, 'expires_after.seconds', 'missing_required_parameter'],
    [{ [ANCHOR]: 'created_at', [SECONDS]: '3599' }, 'expires_after.seconds', 'integer_below_min_value'],
    [{ [ANCHOR]: 'created_at', [SECONDS]: '2592001' }, 'expires_after.seconds', 'integer_above_max_value'],
    [{ [ANCHOR]: 'created_at', [SECONDS]: '3600.5' }, 'expires_after.seconds', 'invalid_type'],
    [{ [ANCHOR]: 'created_at', [SECONDS]: 'soon' }, 'expires_after.seconds', 'invalid_type'],
  ])('is refused as %j', async (fields, param, code) => {
    const reply = await upload({ fields });
    expect(reply.status).toBe(400);
    expect(reply.json()).toMatchObject({ error: { type: 'invalid_request_error', param, code } });
    expect((await openai.state()).files).toEqual([]);
  });

  it('ends in a file that is no longer known', async () => {
    const seed = { filename: 'a.txt', text: 'x', purpose: 'user_data', expiresAt: 1 };
    const { id } = (await openai.control('POST', '/files', seed)).json();
    expect((await openai.api('GET', `/files/${id}`)).status).toBe(404);
  });
});

describe("OpenAI's list", () => {
  const names = (reply: Reply): string[] =>
    reply.json<{ data: { filename: string }[] }>().data.map(({ filename }) => filename);
  const fill = async (): Promise<string[]> => {
    const ids: string[] = [];
    for (const filename of ['1', '2', '3', '4']) {
      ids.push(
        idOf(await upload({ filename: `${filename}.jsonl`, purpose: filename < '3' ? 'batch' : 'evals' })),
      );
    }
    return ids;
  };

  it('is empty without files', async () => {
    expect((await openai.api('GET', '/files')).json()).toEqual({
      object: 'list',
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
    });
  });

  it.each([
    ['', [4, 3, 2, 1], false],
    ['?limit=10000', [4, 3, 2, 1], false],
    ['?limit=2', [4, 3], true],
    ['?limit=4', [4, 3, 2, 1], false],
    ['?order=asc&limit=3', [1, 2, 3], true],
    ['?after=#3', [2, 1], false],
    ['?after=#3&limit=1', [2], true],
    ['?after=#2&order=asc', [3, 4], false],
    ['?after=#1', [], false],
    ['?purpose=batch', [2, 1], false],
    ['?purpose=batch&after=#4&limit=1', [2], true],
    ['?purpose=vision', [], false],
  ])('answers %s', async (query, numbers, hasMore) => {
    const ids = await fill();
    const asked = query.replace(/#(\d)/, (_, number) => ids[number - 1] ?? '');
    const reply = await openai.api('GET', `/files${asked}`);
    expect(names(reply)).toEqual(numbers.map((number) => `${number}.jsonl`));
    expect(reply.json()).toMatchObject({
      first_id: ids[(numbers[0] ?? 0) - 1] ?? null,
      last_id: ids[(numbers.at(-1) ?? 0) - 1] ?? null,
      has_more: hasMore,
    });
  });

  it('goes on after a file deleted between two pages', async () => {
    const [, , third] = await fill();
    await openai.api('DELETE', `/files/${third}`);
    expect(names(await openai.api('GET', `/files?after=${third}`))).toEqual(['2.jsonl', '1.jsonl']);
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=10001', 'limit'],
    ['limit=2.5', 'limit'],
    ['limit=many', 'limit'],
    ['order=newest', 'order'],
    ['after=file-nobodys', 'after'],
  ])('refuses %s', async (query, param) => {
    const reply = await openai.api('GET', `/files?${query}`);
    expect(reply.status).toBe(400);
    expect(reply.json()).toMatchObject({ error: { param, type: 'invalid_request_error' } });
  });
});

describe('OpenAI answers', () => {
  it('a file when it is asked for, deletes it once, and then knows it no more', async () => {
    const created = (await upload()).json();
    const path = `/files/${created.id}`;
    expect((await openai.api('GET', path)).json()).toEqual(created);
    expect((await openai.api('DELETE', path)).json()).toEqual({
      id: created.id,
      object: 'file',
      deleted: true,
    });
    for (const [method, at] of [
      ['DELETE', path],
      ['GET', path],
      ['GET', `${path}/content`],
    ] as const) {
      const reply = await openai.api(method, at);
      expect(reply.status).toBe(404);
      expect(reply.json()).toEqual({
        error: {
          message: `No such File object: ${created.id}`,
          type: 'invalid_request_error',
          param: 'id',
          code: null,
        },
      });
    }
    expect((await openai.state()).deleted).toEqual([created.id]);
  });

  it.each(['batch', 'fine-tune', 'vision', 'evals'])('the bytes of a file for %s', async (purpose) => {
    const text = Buffer.from([0, 255, 10, 13, 128]);
    const id = idOf(await upload({ purpose, text, filename: 'a.jsonl' }));
    const reply = await openai.api('GET', `/files/${id}/content`);
    expect(reply.status).toBe(200);
    expect(reply.headers['content-type']).toBe('application/octet-stream');
    expect(reply.bytes).toEqual(text);
  });

  it.each(['batch_output', 'fine-tune-results', 'assistants_output'])(
    'the bytes of its own %s',
    async (purpose) => {
      const seed = { filename: 'out.jsonl', text: '{"a":1}', purpose };
      const { id } = (await openai.control('POST', '/files', seed)).json();
      expect((await openai.api('GET', `/files/${id}/content`)).text).toBe('{"a":1}');
    },
  );

  it.each(['assistants', 'user_data'])('400 to the content of a file for %s', async (purpose) => {
    const id = idOf(await upload({ purpose }));
    const reply = await openai.api('GET', `/files/${id}/content`);
    expect(reply.status).toBe(400);
    expect(reply.json()).toMatchObject({
      error: {
        message: `Not allowed to download files of purpose: ${purpose}`,
        type: 'invalid_request_error',
      },
    });
  });

  it.each([
    ['GET', '/nowhere'],
    ['PUT', '/files'],
    ['POST', '/files/x/content'],
    ['GET', '/uploads'],
    ['GET', '/uploads/upload_x'],
    ['GET', '/uploads/upload_x/parts'],
    ['DELETE', '/uploads/upload_x'],
    ['POST', '/uploads/upload_x'],
    ['POST', '/uploads/upload_x/parts/part_x'],
  ] as const)('404 to %s %s, which is no part of the API', async (method, path) => {
    const reply = await openai.api(method, path);
    expect(reply.status).toBe(404);
    expect(reply.json()).toMatchObject({ error: { message: `Invalid URL (${method} /v1${path})` } });
  });

  it.each([
    ['no header', '', null],
    ['another scheme', `Basic ${API_KEY}`, null],
    ['another key', 'Bearer sk-another-key-entirely', 'invalid_api_key'],
  ])('401 to %s, having read the body and kept nothing', async (_, authorization, code) => {
    const reply = await upload({}, { headers: { authorization } });
    expect(reply.status).toBe(401);
    expect(reply.json()).toMatchObject({ error: { type: 'invalid_request_error', code } });
    expect(reply.text).not.toContain('another-key');
    const { files, requests } = await openai.state();
    expect(files).toEqual([]);
    expect(requests.at(-1)?.bytesReceived).toBeGreaterThan(100);
  });

  it('an id of the request, new each time, whether it is right or wrong', async () => {
    const replies = await Promise.all(
      ['/files', '/files/file-x', '/nowhere'].map((path) => openai.api('GET', path)),
    );
    const ids = replies.map(({ headers }) => String(headers['x-request-id']));
    expect(ids.every((id) => /^req_[0-9a-f]{32}$/.test(id))).toBe(true);
    expect(new Set(ids).size).toBe(3);
    expect(replies[0]?.headers['openai-processing-ms']).toMatch(/^\d+$/);
  });
});

describe('an OpenAI variant', () => {
  const statuses = async (id: string, times: number): Promise<unknown[]> => {
    const seen: unknown[] = [];
    for (let i = 0; i < times; i++) seen.push((await openai.api('GET', `/files/${id}`)).json().status);
    return seen;
  };

  it.each([
    [{ uploadedRetrieves: 2 }, 'uploaded', ['uploaded', 'uploaded', 'processed', 'processed']],
    [{ uploadedRetrieves: 1, processingEnds: 'error' }, 'uploaded', ['uploaded', 'error', 'error', 'error']],
    [{ processingEnds: 'error' }, 'error', ['error', 'error', 'error', 'error']],
  ] as const)('%j decides what becomes of a file', async (variants, first, later) => {
    await restart({ variants });
    const created = (await upload()).json();
    expect(created.status).toBe(first);
    expect(await statuses(String(created.id), 4)).toEqual(later);
  });

  it('says why a file could not be processed', async () => {
    await restart({ variants: { processingEnds: 'error' } });
    expect((await upload()).json()).toMatchObject({ status_details: expect.stringMatching(/./) });
  });

  it('changes at run time', async () => {
    const variants = { purposes: ['x'], emptyFile: 'accept' };
    expect((await openai.control('PUT', '/variants', variants)).json()).toMatchObject(variants);
    expect((await upload()).status).toBe(400);
    expect((await upload({ purpose: 'x', text: '' })).json()).toMatchObject({ bytes: 0 });
  });
});

describe("OpenAI's own error for a status", () => {
  it.each([
    [{ status: 400 }, 'invalid_request_error', null],
    [{ status: 401 }, 'invalid_request_error', 'invalid_api_key'],
    [{ status: 403 }, 'invalid_request_error', null],
    [
      { status: 403, code: 'unsupported_country_region_territory' },
      'request_forbidden',
      'unsupported_country_region_territory',
    ],
    [{ status: 409 }, 'invalid_request_error', null],
    [{ status: 413 }, 'invalid_request_error', null],
    [{ status: 418 }, 'invalid_request_error', null],
    [{ status: 429 }, 'requests', 'rate_limit_exceeded'],
    [{ status: 429, code: 'insufficient_quota' }, 'insufficient_quota', 'insufficient_quota'],
    [{ status: 500 }, 'server_error', null],
    [{ status: 503 }, 'server_error', null],
    [{ status: 503, code: 'of_its_own' }, 'server_error', 'of_its_own'],
  ])('for %j', async (parameters, type, code) => {
    await openai.fault('status', { on: 'list', ...parameters });
    const reply = await openai.api('GET', '/files');
    expect(reply.status).toBe(parameters.status);
    const message = expect.stringMatching(/./);
    expect(reply.json()).toEqual({ error: { message, type, param: null, code } });
    const isRateLimit = code === 'rate_limit_exceeded';
    expect(reply.headers['x-ratelimit-remaining-requests']).toBe(isRateLimit ? '0' : undefined);
  });

  it('comes with the headers asked for', async () => {
    const headers = { 'retry-after-ms': '250', 'x-should-retry': 'false' };
    await openai.fault('status', { on: 'list', status: 429, retryAfter: 7, headers });
    expect((await openai.api('GET', '/files')).headers).toMatchObject({ 'retry-after': '7', ...headers });
  });
});
