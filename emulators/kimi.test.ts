import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startKimiEmulator } from './kimi.ts';
import { type EmulatorClient, startClient } from './testing/emulator-client.ts';

let kimi: EmulatorClient;

beforeEach(async () => {
  kimi = await startClient(startKimiEmulator, {});
});
afterEach(() => kimi.close());

const restart = async (options: Partial<Parameters<typeof startKimiEmulator>[0]>): Promise<void> => {
  await kimi.close();
  kimi = await startClient(startKimiEmulator, options);
};

describe('a Kimi upload', () => {
  it('answers a file object and keeps the bytes and their hash', async () => {
    const reply = await kimi.upload({ filename: '报告 1.txt', text: 'hello world\n' });
    const { id, created_at, ...rest } = reply.json();
    expect(reply.status).toBe(200);
    expect(id).toMatch(/^[a-z0-9]{20}$/);
    expect(Number.isInteger(created_at)).toBe(true);
    expect(rest).toEqual({
      object: 'file',
      bytes: 12,
      filename: '报告 1.txt',
      purpose: 'file-extract',
      status: 'ready',
    });
    const [stored] = (await kimi.state()).files;
    expect(stored).toMatchObject({
      id,
      mediaType: 'text/plain',
      sha256: 'a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447',
    });
    expect((await kimi.control('GET', `/files/${id}/bytes`)).text).toBe('hello world\n');
  });

  it('takes the parts in either order', async () => {
    expect((await kimi.upload({ fileFirst: true })).json()).toMatchObject({ purpose: 'file-extract' });
  });

  it.each([
    ['an empty file', { text: '' }, /file size is zero/],
    ['a purpose it does not know', { purpose: 'assistants' }, /Invalid purpose: only 'file-extract','image'/],
    ['no purpose', { purpose: null }, /Invalid purpose/],
    ['a type it cannot read', { filename: 'settings.env' }, /^text extract error: 不支持的文件类型$/],
    ['a name without an extension', { filename: 'Dockerfile' }, /^text extract error: 不支持的文件类型$/],
    ['one letter over and over', { text: 'A'.repeat(5_120) }, /^text extract error: 没有解析出内容$/],
    ['an image among texts', { purpose: 'image', filename: 'a.txt' }, /不支持的文件类型/],
    ['a batch that is not jsonl', { purpose: 'batch', filename: 'a.txt' }, /不支持的文件类型/],
  ])('refuses %s with a 400 and keeps nothing', async (_, parts, message) => {
    const reply = await kimi.upload(parts);
    expect(reply.status).toBe(400);
    expect(reply.json()).toEqual({
      error: { message: expect.stringMatching(message), type: 'invalid_request_error' },
    });
    expect((await kimi.state()).files).toEqual([]);
  });

  it.each([
    ['a short run of one letter', { text: 'A'.repeat(100) }],
    ['a jpg, which the list of types forgets', { purpose: 'image', filename: 'a.JPG' }],
    ['a video', { purpose: 'video', filename: 'a.mp4' }],
    ['a batch', { purpose: 'batch', filename: 'a.jsonl' }],
  ])('takes %s', async (_, parts) => {
    expect((await kimi.upload(parts)).status).toBe(200);
  });

  it('refuses more than 100MB with a 400 that says so', async () => {
    const reply = await kimi.upload({ text: Buffer.alloc(100 * 2 ** 20 + 1, 'ab') });
    expect(reply.status).toBe(400);
    expect(reply.text).toContain('100MB');
    expect((await kimi.state()).files).toEqual([]);
  });

  it('refuses a file beyond the number and the total it is given', async () => {
    await restart({ limits: { maxFiles: 2, maxTotalBytes: 10 } });
    expect((await kimi.upload({ text: 'abc' })).status).toBe(200);
    expect((await kimi.upload({ text: '12345678' })).text).toContain('max total size');
    expect((await kimi.upload({ text: 'abd' })).status).toBe(200);
    const refused = await kimi.upload({ text: 'x' });
    expect(refused.status).toBe(400);
    expect(refused.text).toContain('max file count 2');
  });

  it('never passes its limit when uploads come at once', async () => {
    await restart({ limits: { maxFiles: 3 } });
    const replies = await Promise.all(Array.from({ length: 12 }, () => kimi.upload()));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(3);
    expect((await kimi.state()).files).toHaveLength(3);
  });
});

describe('Kimi answers', () => {
  it('lists everything at once, newest first, without pages', async () => {
    for (const filename of ['1.txt', '2.txt', '3.txt']) await kimi.upload({ filename });
    const list = (await kimi.api('GET', '/files?limit=1&after=x')).json<{ data: { filename: string }[] }>();
    expect(Object.keys(list)).toEqual(['object', 'data']);
    expect(list.data.map(({ filename }) => filename)).toEqual(['3.txt', '2.txt', '1.txt']);
  });

  it('retrieves a file, deletes it once, and then knows it no more', async () => {
    const created = (await kimi.upload()).json();
    const path = `/files/${created.id}`;
    expect((await kimi.api('GET', path)).json()).toEqual(created);
    expect((await kimi.api('DELETE', path)).json()).toEqual({
      id: created.id,
      object: 'file',
      deleted: true,
    });
    for (const [method, at] of [
      ['DELETE', path],
      ['GET', path],
      ['GET', `${path}/content`],
    ] as const) {
      const reply = await kimi.api(method, at);
      expect(reply.status).toBe(404);
      expect(reply.json()).toMatchObject({ error: { type: 'resource_not_found_error' } });
    }
    expect((await kimi.state()).deleted).toEqual([created.id]);
  });

  it('answers the extracted text as JSON inside a text body', async () => {
    const { id } = (await kimi.upload({ text: '第一行\n' })).json();
    const reply = await kimi.api('GET', `/files/${id}/content`);
    expect(reply.headers['content-type']).toMatch(/^text\/plain/);
    expect(reply.json()).toEqual({
      content: '第一行\n',
      file_type: 'text/plain',
      filename: 'notes.txt',
      title: '',
      type: 'file',
    });
  });

  it('answers the first MiB of a long text, never half a character', async () => {
    const { id } = (await kimi.upload({ text: `a${'字'.repeat(400_000)}` })).json();
    const { content } = (await kimi.api('GET', `/files/${id}/content`)).json<{ content: string }>();
    expect(content).toBe(`a${'字'.repeat((2 ** 20 - 1) / 3)}`);
  });

  it('says of a binary kind that it reads no text from it', async () => {
    const { id } = (await kimi.upload({ filename: 'a.pdf', text: '%PDF' })).json();
    expect((await kimi.api('GET', `/files/${id}/content`)).json()).toMatchObject({
      content: expect.stringContaining('no text is read'),
    });
  });

  it('has no content for an image', async () => {
    const { id } = (await kimi.upload({ filename: 'a.png', purpose: 'image' })).json();
    expect((await kimi.api('GET', `/files/${id}/content`)).status).toBe(400);
  });

  it.each([
    ['GET', '/nowhere'],
    ['PUT', '/files'],
    ['POST', '/files/x/content'],
    ['GET', '/files/'],
    ['GET', '/files/x/content/y'],
  ] as const)('answers %s %s in the shape of its gateway, with `error` a string', async (method, path) => {
    const reply = await kimi.api(method, path);
    expect(reply.status).toBe(404);
    expect(reply.json()).toMatchObject({
      code: 5,
      error: 'url.not_found',
      method,
      status: false,
      url: `/v1${path}`,
    });
  });

  it.each([{ authorization: '' }, { authorization: 'Bearer key-of-the-other-region' }])(
    'answers 401 to %j, having read the body and kept nothing',
    async (headers) => {
      const reply = await kimi.upload({}, { headers });
      expect(reply.status).toBe(401);
      expect(reply.json()).toEqual({
        error: { message: 'Invalid Authentication', type: 'invalid_authentication_error' },
      });
      expect((await kimi.state()).files).toEqual([]);
      expect((await kimi.state()).requests.at(-1)?.bytesReceived).toBeGreaterThan(100);
    },
  );
});

describe('a Kimi variant', () => {
  it('shows status ok, or pending for a while', async () => {
    await restart({ variants: { status: 'ok' } });
    const { id } = (await kimi.upload()).json();
    await kimi.control('PUT', '/variants', { pendingRetrieves: 2 });
    const statuses: unknown[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await kimi.api('GET', `/files/${id}`)).json().status);
    expect(statuses).toEqual(['pending', 'pending', 'ok']);
  });

  it('keeps an unreadable file with status error', async () => {
    await restart({ variants: { extractionFailure: 'status-error', detailsField: 'status_detail' } });
    const reply = await kimi.upload({ filename: 'a.cache' });
    expect(reply.json()).toMatchObject({
      status: 'error',
      status_detail: expect.stringMatching(/^text extract error/),
    });
    expect((await kimi.api('GET', `/files/${reply.json().id}/content`)).status).toBe(400);
  });

  it('changes at run time: purposes, the purpose field, the type of a 401', async () => {
    const variants = { purposes: ['x'], omitPurpose: true, wrongKeyType: 'incorrect_api_key_error' };
    expect((await kimi.control('PUT', '/variants', variants)).json()).toMatchObject(variants);
    expect((await kimi.upload()).text).toContain("only 'x' accepted");
    expect((await kimi.upload({ purpose: 'x' })).json()).not.toHaveProperty('purpose');
    const wrongKey = await kimi.api('GET', '/files', { headers: { authorization: 'Bearer wrong' } });
    expect(wrongKey.text).toContain('incorrect_api_key_error');
  });
});

describe("Kimi's own error for a status", () => {
  it.each([
    [{ status: 429 }, 'rate_limit_reached_error'],
    [{ status: 429, code: 'engine_overloaded_error' }, 'engine_overloaded_error'],
    [{ status: 403, code: 'exceeded_current_quota_error' }, 'exceeded_current_quota_error'],
    [{ status: 403 }, 'permission_denied_error'],
    [{ status: 400, code: 'content_filter' }, 'content_filter'],
    [{ status: 500 }, 'server_error'],
    [{ status: 400 }, 'invalid_request_error'],
  ])('for %j is of type %s', async (parameters, type) => {
    await kimi.fault('status', { on: 'list', ...parameters });
    const reply = await kimi.api('GET', '/files');
    expect(reply.status).toBe(parameters.status);
    expect(reply.json()).toMatchObject({ error: { type } });
  });

  it('names the seconds to wait in the text of a rate limit', async () => {
    await kimi.fault('status', { on: 'list', status: 429 });
    expect((await kimi.api('GET', '/files')).text).toMatch(/try again after \d+ seconds/);
  });
});
