import { createHmac } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startGlmEmulator } from './glm.ts';
import {
  type CallOptions,
  type EmulatorClient,
  startClient,
  type UploadParts,
} from './testing/emulator-client.ts';

let glm: EmulatorClient;

beforeEach(async () => {
  glm = await startClient(startGlmEmulator, {});
});
afterEach(() => glm.close());

const restart = async (options: Partial<Parameters<typeof startGlmEmulator>[0]>): Promise<void> => {
  await glm.close();
  glm = await startClient(startGlmEmulator, options);
};
const vary = (variants: Record<string, unknown>) => glm.control('PUT', '/variants', variants);
const upload = (parts: UploadParts = {}, options: CallOptions = {}) =>
  glm.upload({ purpose: 'agent', ...parts }, options);
const codeOf = (reply: { json(): Record<string, unknown> }) =>
  (reply.json().error as Record<string, unknown>).code;

describe('a GLM upload', () => {
  it('answers a file object without status', async () => {
    const reply = await upload({ text: 'hello' });
    const { id, created_at, ...rest } = reply.json();
    expect(reply.status).toBe(200);
    expect(id).toMatch(/^\d{8}_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(Number.isInteger(created_at)).toBe(true);
    expect(rest).toEqual({ object: 'file', bytes: 5, filename: 'notes.txt', purpose: 'agent' });
    expect((await glm.control('GET', `/files/${id}/bytes`)).text).toBe('hello');
  });

  it('shows the other shapes found in captures', async () => {
    await restart({ variants: { nameField: 'fileName', status: 'null', envelope: 'data' } });
    const { data } = (await upload()).json<{ data: Record<string, unknown> }>();
    expect(data).toMatchObject({ fileName: 'notes.txt', status: null });
    expect(data).not.toHaveProperty('filename');
    await vary({ status: 'processed' });
    expect((await upload()).json()).toMatchObject({ data: { status: 'processed' } });
  });

  it.each([
    ['the purpose "file", which no document knows', {}, { purpose: 'file' }],
    ['no purpose', {}, { purpose: null }],
    ['file-extract at z.ai', {}, { purpose: 'file-extract' }],
    ['a type not documented for the purpose', {}, { filename: 'a.docx' }],
    ['an empty file', {}, { text: '' }],
    [
      'an image above 5 MB on the mainland',
      { site: 'mainland' },
      { filename: 'a.png', text: Buffer.alloc(5 * 2 ** 20 + 1) },
    ],
    ['more than 20 MB for an agent there', { site: 'mainland' }, { text: Buffer.alloc(20 * 2 ** 20 + 1) }],
    ['file-extract in its newer pages', { site: 'mainland' }, { purpose: 'file-extract', filename: 'a.pdf' }],
  ])('refuses %s with 400 and code 1214, keeping nothing', async (_, variants, parts) => {
    await vary(variants);
    const reply = await upload(parts);
    expect(reply.status).toBe(400);
    expect(codeOf(reply)).toBe('1214');
    expect((await glm.state()).files).toEqual([]);
  });

  it.each([
    ['docx on the mainland', { site: 'mainland' }, { filename: 'a.docx' }],
    ['a batch there', { site: 'mainland' }, { filename: 'a.jsonl', purpose: 'batch' }],
    [
      'file-extract in its older pages',
      { site: 'mainland-older' },
      { filename: 'a.pdf', purpose: 'file-extract' },
    ],
    ['any type when told so', { types: 'any' }, { filename: 'a.xyz' }],
    ['an empty file when told so', { emptyFile: 'accept' }, { text: '' }],
  ])('takes %s', async (_, variants, parts) => {
    await vary(variants);
    expect((await upload(parts)).status).toBe(200);
  });

  it('answers 435 above 100 MB', async () => {
    const reply = await upload({ text: Buffer.alloc(100 * 2 ** 20 + 1) });
    expect(reply.status).toBe(435);
    expect((await glm.state()).files).toEqual([]);
  });

  it('takes a given limit in place of every documented one', async () => {
    await restart({
      limits: { maxFileBytes: 30 * 2 ** 20, maxFiles: 2, maxTotalBytes: 31 * 2 ** 20 },
      variants: { site: 'mainland' },
    });
    expect((await upload({ text: Buffer.alloc(30 * 2 ** 20) })).status).toBe(200);
    expect((await upload({ text: Buffer.alloc(30 * 2 ** 20 + 1) })).status).toBe(435);
    expect((await upload({ text: Buffer.alloc(2 * 2 ** 20) })).text).toContain('total size of files');
    expect((await upload()).status).toBe(200);
    expect((await upload({ purpose: 'batch', filename: 'a.jsonl' })).text).toContain('number of files');
  });

  it('counts files by purpose where the documents do', async () => {
    for (let i = 0; i < 100; i++) {
      await glm.control('POST', '/files', { filename: 'a.txt', text: 'x', purpose: 'agent' });
    }
    expect((await upload()).status).toBe(400);
    await vary({ site: 'mainland' });
    expect((await upload()).status).toBe(200);
  });

  it('can refuse a body without Content-Length', async () => {
    await vary({ chunkedBody: 'refuse' });
    expect((await upload()).status).toBe(200);
    const chunked = await upload({}, { chunked: true });
    expect(chunked.status).toBe(411);
  });
});

describe('GLM and its key', () => {
  const sign = (payload: Record<string, unknown>, secret = 'key-secret'): string => {
    const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${encode({ alg: 'HS256', sign_type: 'SIGN' })}.${encode(payload)}`;
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  };
  const later = Date.now() + 60_000;

  it.each([
    ['a JWT made from it', sign({ api_key: 'key-id', exp: later, timestamp: Date.now() }), 200, null],
    ['an expired JWT', sign({ api_key: 'key-id', exp: 1, timestamp: 1 }), 401, '1003'],
    ['a JWT in seconds, as others use', sign({ api_key: 'key-id', exp: later / 1_000 }), 401, '1003'],
    ['a JWT of another key', sign({ api_key: 'other', exp: later }), 401, '1002'],
    ['a JWT signed with something else', sign({ api_key: 'key-id', exp: later }, 'no'), 401, '1002'],
    ['another key', 'nobody.knows', 401, '1002'],
  ])('answers %s', async (_, token, status, code) => {
    const reply = await glm.api('GET', '/files', { headers: { authorization: `Bearer ${token}` } });
    expect(reply.status).toBe(status);
    if (code !== null) expect(codeOf(reply)).toBe(code);
  });
});

describe('GLM answers', () => {
  const seed = async (count: number, purpose = 'agent'): Promise<void> => {
    for (let i = 0; i < count; i++) {
      await glm.control('POST', '/files', {
        filename: `${i}.txt`,
        text: `${i}`,
        purpose,
        createdAt: 1_000 + i,
      });
    }
  };
  interface List {
    data: { id: string; filename: string; purpose: string; created_at: number }[];
    has_more: boolean;
  }
  const list = async (query: string): Promise<List> => (await glm.api('GET', `/files${query}`)).json<List>();

  it('lists by pages of 20, newest first, each file once', async () => {
    await seed(45);
    const names: string[] = [];
    let after = '';
    let page: List;
    do {
      page = await list(`?purpose=agent${after}`);
      expect(page.data.length).toBeLessThanOrEqual(20);
      names.push(...page.data.map(({ filename }) => filename));
      after = `&after=${page.data.at(-1)?.id}`;
    } while (page.has_more);
    expect(names).toEqual(Array.from({ length: 45 }, (_, i) => `${44 - i}.txt`));
  });

  it('obeys limit, purpose and order, and follows a cursor whose file is gone', async () => {
    await seed(3);
    await seed(2, 'batch');
    expect((await list('?purpose=batch')).data).toHaveLength(2);
    const first = await list('?limit=2&order=asc&purpose=agent');
    expect(first.data.map(({ created_at }) => created_at)).toEqual([1_000, 1_001]);
    expect(first.has_more).toBe(true);
    const cursor = first.data[1]?.id;
    await glm.api('DELETE', `/files/${cursor}`);
    const second = await list(`?limit=2&order=asc&purpose=agent&after=${cursor}`);
    expect(second.data.map(({ created_at }) => created_at)).toEqual([1_002]);
    expect(second.has_more).toBe(false);
  });

  it.each(['?limit=0', '?limit=101', '?limit=x', '?after=nobody'])('refuses %s', async (query) => {
    const reply = await glm.api('GET', `/files${query}`);
    expect(reply.status).toBe(400);
    expect(codeOf(reply)).toBe('1214');
  });

  it('can demand a purpose to list by', async () => {
    await vary({ listPurpose: 'required' });
    expect((await glm.api('GET', '/files')).status).toBe(400);
    expect((await glm.api('GET', '/files?purpose=agent')).status).toBe(200);
  });

  it('has no GET for one file, unless told', async () => {
    const { id } = (await upload()).json();
    const absent = await glm.api('GET', `/files/${id}`);
    const nowhere = await glm.api('GET', '/nowhere');
    expect(absent.status).toBe(404);
    expect(absent.text).toBe(nowhere.text);
    await vary({ retrieve: 'present' });
    expect((await glm.api('GET', `/files/${id}`)).json()).toMatchObject({ id });
  });

  it('can be a site that only takes uploads', async () => {
    await vary({ management: 'absent' });
    const { id } = (await upload()).json();
    expect((await glm.api('GET', '/files')).status).toBe(404);
    expect((await glm.api('DELETE', `/files/${id}`)).status).toBe(404);
    expect((await glm.state()).files).toHaveLength(1);
  });

  it('deletes once', async () => {
    const { id } = (await upload()).json();
    expect((await glm.api('DELETE', `/files/${id}`)).json()).toEqual({ id, object: 'file', deleted: true });
    expect((await glm.api('DELETE', `/files/${id}`)).status).toBe(404);
    expect((await glm.state()).deleted).toEqual([id]);
  });

  it('has a content answered from disk cut short or compressed by a fault', async () => {
    await glm.control('POST', '/files', { filename: 'a.jsonl', text: '{"a":1}\n', purpose: 'batch' });
    const path = `/files/${(await list('')).data[0]?.id}/content`;
    await glm.fault('truncated-json', { on: 'content' });
    expect((await glm.api('GET', path)).text).toBe('{"a"');
    await glm.fault('gzip', { on: 'content' });
    expect(gunzipSync((await glm.api('GET', path)).bytes).toString()).toBe('{"a":1}\n');
  });

  it('gives the bytes of a batch, the text of an extraction, and nothing else', async () => {
    await vary({ site: 'mainland-older' });
    const contentOf = async (parts: UploadParts) =>
      glm.api('GET', `/files/${(await upload(parts)).json().id}/content`);
    const batch = await contentOf({ purpose: 'batch', filename: 'a.jsonl', text: '{"a":1}\n' });
    expect(batch.headers['content-type']).toBe('application/octet-stream');
    expect(batch.text).toBe('{"a":1}\n');
    const extracted = await contentOf({ purpose: 'file-extract', filename: 'a.csv', text: 'a,b\n' });
    expect(extracted.json()).toMatchObject({ content: 'a,b\n' });
    expect((await contentOf({})).status).toBe(400);
  });
});

describe("GLM's errors", () => {
  it.each([
    [{ errorShape: 'nested', codeType: 'string' }, { error: { code: '1302', message: expect.any(String) } }],
    [{ errorShape: 'nested', codeType: 'number' }, { error: { code: 1302, message: expect.any(String) } }],
    [
      { errorShape: 'flat', codeType: 'number' },
      { code: 1302, message: expect.any(String) },
    ],
    [
      { errorShape: 'flat', codeType: 'string' },
      { code: '1302', message: expect.any(String) },
    ],
  ])('come in the shape %j', async (variants, shape) => {
    await vary(variants);
    await glm.fault('status', { on: 'list', status: 429 });
    expect((await glm.api('GET', '/files')).json()).toEqual(shape);
  });

  it.each([
    [{ status: 429, code: '1113' }, '1113'],
    [{ status: 429, code: '1303' }, '1303'],
    [{ status: 429 }, '1302'],
    [{ status: 434 }, '1220'],
    [{ status: 500 }, '1234'],
    [{ status: 503 }, '1230'],
    [{ status: 401 }, '1002'],
  ])('for %j carry code %s', async (parameters, code) => {
    await glm.fault('status', { on: 'list', ...parameters });
    const reply = await glm.api('GET', '/files');
    expect(reply.status).toBe(parameters.status);
    expect(codeOf(reply)).toBe(code);
  });

  it('speak the language asked for, and that of the site else', async () => {
    const messageFor = async (headers: Record<string, string>) =>
      (await glm.api('GET', '/files?limit=0', { headers })).text;
    expect(await messageFor({})).toContain('Invalid value');
    expect(await messageFor({ 'accept-language': 'zh-CN' })).toContain('参数非法');
    await vary({ site: 'mainland' });
    expect(await messageFor({})).toContain('参数非法');
    expect(await messageFor({ 'accept-language': 'en-US,en' })).toContain('Invalid value');
  });
});
