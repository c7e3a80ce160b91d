import { createHmac } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startMistralEmulator } from './mistral.ts';
import { API_KEY, type EmulatorClient, startClient, type UploadParts } from './testing/emulator-client.ts';
import { streamUpload } from './testing/stream-upload.ts';

let mistral: EmulatorClient;

beforeEach(async () => {
  mistral = await startClient(startMistralEmulator, {});
});
afterEach(() => mistral.close());

const restart = async (options: Partial<Parameters<typeof startMistralEmulator>[0]>): Promise<void> => {
  await mistral.close();
  mistral = await startClient(startMistralEmulator, options);
};
const upload = (parts: UploadParts = {}) => mistral.upload({ purpose: 'ocr', ...parts });
const seed = async (count: number, more: Record<string, unknown> = {}): Promise<void> => {
  for (let i = 0; i < count; i++) {
    await mistral.control('POST', '/files', {
      filename: `${i}.txt`,
      text: `${i}`,
      purpose: 'batch',
      ...more,
    });
  }
};
const NOBODY = '00000000-0000-4000-8000-000000000000';

// Half a gigabyte over loopback on a machine that has other work.
const LARGE_UPLOAD_TIMEOUT_MS = 30_000;

describe('a Mistral upload', () => {
  it('answers a file object and keeps the bytes', async () => {
    const reply = await upload({ text: 'hello' });
    const { id, created_at, signature, ...rest } = reply.json();
    expect(reply.status).toBe(200);
    expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(Number.isInteger(created_at)).toBe(true);
    expect(signature).toMatch(/^[0-9a-f]{32}$/);
    expect(rest).toEqual({
      object: 'file',
      bytes: 5,
      filename: 'notes.txt',
      purpose: 'ocr',
      sample_type: 'ocr_input',
      num_lines: null,
      mimetype: 'text/plain',
      source: 'upload',
      expires_at: null,
    });
    expect((await mistral.control('GET', `/files/${id}/bytes`)).text).toBe('hello');
  });

  it.each([
    ['fine-tune', 'instruct'],
    ['batch', 'batch_request'],
    ['ocr', 'ocr_input'],
    [null, 'instruct'],
  ])('for the purpose %s has the sample type %s', async (purpose, sample_type) => {
    expect((await upload({ purpose })).json()).toMatchObject({
      purpose: purpose ?? 'fine-tune',
      sample_type,
    });
  });

  it.each([
    ['a purpose it does not know', { purpose: 'assistants' }, ['body', 'purpose'], 'enum'],
    ['audio, which only a text names', { purpose: 'audio' }, ['body', 'purpose'], 'enum'],
    ['an expiry that is no number', { fields: { expiry: 'soon' } }, ['body', 'expiry'], 'int_parsing'],
    ['a part of an hour', { fields: { expiry: '1.5' } }, ['body', 'expiry'], 'int_parsing'],
    ['an expiry in the past', { fields: { expiry: '-1' } }, ['body', 'expiry'], 'greater_than_equal'],
    ['an empty file', { text: '' }, ['body', 'file'], 'value_error'],
  ])('refuses %s with a 422, keeping nothing', async (_, parts, loc, type) => {
    const reply = await upload(parts);
    expect(reply.status).toBe(422);
    expect(reply.json()).toEqual({ detail: [{ loc, msg: expect.any(String), type }] });
    expect((await mistral.state()).files).toEqual([]);
  });

  it('refuses a form without a file, and a body that is no form', async () => {
    const form = (body: string) =>
      mistral.api('POST', '/files', {
        headers: { 'content-type': 'multipart/form-data; boundary=b' },
        body,
      });
    const empty = await form('--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nocr\r\n--b--\r\n');
    expect(empty.status).toBe(422);
    expect(empty.json()).toEqual({
      detail: [{ loc: ['body', 'file'], msg: 'Field required', type: 'missing' }],
    });
    const none = await mistral.api('POST', '/files', { body: '{}' });
    expect([none.status, none.json().object]).toEqual([400, 'error']);
  });

  it('takes audio, an empty file, and demands a purpose when told so', async () => {
    await restart({ variants: { purposes: ['audio'], emptyFile: 'accept', purpose: 'required' } });
    expect((await upload({ purpose: 'audio', text: '' })).json()).toMatchObject({
      purpose: 'audio',
      bytes: 0,
    });
    expect((await upload({ purpose: null })).json()).toMatchObject({ detail: [{ type: 'missing' }] });
  });

  it.each([
    ['24 hours', {}, { expiry: '24' }, 86_400],
    ['no time at all when none is given', {}, {}, null],
    ['no time at all for null', {}, { expiry: 'null' }, null],
    ['30 days where told so', { retention: '30-days' }, {}, 2_592_000],
    ['its own time even there', { retention: '30-days' }, { expiry: '1' }, 3_600],
  ])('is kept for %s', async (_, variants, fields, seconds) => {
    await mistral.control('PUT', '/variants', variants);
    const file = (await upload({ fields })).json<{ created_at: number; expires_at: number | null }>();
    expect(file.expires_at).toBe(seconds === null ? null : file.created_at + seconds);
  });

  it(
    'answers 413 above 512 MiB',
    async () => {
      const headers = { authorization: `Bearer ${API_KEY}` };
      const reply = await streamUpload(mistral.emulator.url, { sizeBytes: 512 * 2 ** 20 + 1, headers });
      expect(reply.status).toBe(413);
      expect((await mistral.state()).files).toEqual([]);
    },
    LARGE_UPLOAD_TIMEOUT_MS,
  );

  it('obeys the limits it is given', async () => {
    await restart({ limits: { maxFileBytes: 10, maxFiles: 2, maxTotalBytes: 15 } });
    expect((await upload({ text: '0123456789' })).status).toBe(200);
    expect((await upload({ text: '0123456789a' })).status).toBe(413);
    expect((await upload({ text: '012345' })).status).toBe(403);
    expect((await upload({ text: '01234' })).status).toBe(200);
    await restart({ limits: { maxFiles: 1 } });
    expect((await upload({ text: 'a' })).status).toBe(200);
    expect((await upload({ text: 'b' })).status).toBe(403);
  });
});

describe('the same bytes at Mistral', () => {
  it('are the same file, whoever sends them under whatever name', async () => {
    const first = (await upload({ filename: 'a.pdf', text: 'same' })).json();
    const second = (await upload({ filename: 'b.pdf', text: 'same', purpose: 'batch' })).json();
    expect(second).toEqual(first);
    expect((await upload({ text: 'other' })).json().id).not.toBe(first.id);
    expect((await mistral.state()).files).toHaveLength(2);
  });

  it('are one file also when they come at once', async () => {
    const replies = await Promise.all(Array.from({ length: 8 }, () => upload({ text: 'same' })));
    expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect(new Set(replies.map((reply) => reply.json().id)).size).toBe(1);
    expect((await mistral.state()).files).toHaveLength(1);
  });

  it('are gone for all once deleted for one, and get another id after that', async () => {
    const mine = (await upload({ filename: 'mine.pdf', text: 'same' })).json();
    const yours = (await upload({ filename: 'yours.pdf', text: 'same' })).json();
    expect((await mistral.api('DELETE', `/files/${mine.id}`)).status).toBe(200);
    expect((await mistral.api('GET', `/files/${yours.id}`)).status).toBe(404);
    expect((await upload({ text: 'same' })).json().id).not.toBe(mine.id);
  });

  it('can be files of their own', async () => {
    await restart({ variants: { sameBytes: 'new-file' } });
    expect((await upload({ text: 'same' })).json().id).not.toBe((await upload({ text: 'same' })).json().id);
  });

  it('leave nothing of the second upload on the disk, and are recorded with the file they are in', async () => {
    const { id } = (await upload({ text: 'same' })).json();
    await upload({ text: 'same' });
    expect(await readdir(join(mistral.directory, 'mistral', 'incoming'))).toEqual([]);
    const { requests } = await mistral.state();
    expect(requests.map(({ fileId }) => fileId)).toEqual([id, id]);
    expect((await mistral.control('GET', `/files/${id}/bytes`)).text).toBe('same');
  });
});

interface List {
  data: { id: string; filename: string; sample_type: string }[];
  object: string;
  total?: number;
}
const list = async (query: string): Promise<List> =>
  (await mistral.api('GET', `/files${query}`)).json<List>();
const names = ({ data }: List): string[] => data.map(({ filename }) => filename);

describe("Mistral's list", () => {
  it('has pages numbered from 0, newest first, with the total beside each', async () => {
    await seed(5);
    const pages: List[] = [];
    for (const page of [0, 1, 2, 3]) pages.push(await list(`?page=${page}&page_size=2`));
    expect(pages.map(names)).toEqual([['4.txt', '3.txt'], ['2.txt', '1.txt'], ['0.txt'], []]);
    expect(pages.map(({ total }) => total)).toEqual([5, 5, 5, 5]);
    expect(pages[0]?.object).toBe('list');
  });

  it('starts at page 0 with 100 files, and can leave the total out', async () => {
    await seed(101);
    const first = await list('');
    expect(first.data).toHaveLength(100);
    expect(first.total).toBe(101);
    const bare = await list('?page=1&include_total=false');
    expect(names(bare)).toEqual(['0.txt']);
    expect(bare).not.toHaveProperty('total');
  });

  it.each([
    ['?purpose=ocr', ['scan.pdf']],
    ['?sample_type=batch_request', ['lines.jsonl']],
    ['?sample_type=batch_request&sample_type=ocr_input', ['lines.jsonl', 'scan.pdf']],
    ['?source=upload', ['lines.jsonl', 'scan.pdf']],
    ['?source=mistral', []],
    ['?search=scan', ['scan.pdf']],
    ['?mimetypes=application/pdf', ['scan.pdf']],
  ])('for %s shows %j', async (query, expected) => {
    await upload({ filename: 'scan.pdf', text: '%PDF', mediaType: 'application/pdf' });
    await upload({ filename: 'lines.jsonl', text: '{}', purpose: 'batch' });
    const found = await list(query);
    expect(names(found)).toEqual(expected);
    expect(found.total).toBe(expected.length);
  });

  it.each([
    ['page=-1', 'page', 'greater_than_equal'],
    ['page=x', 'page', 'int_parsing'],
    ['page_size=0', 'page_size', 'greater_than_equal'],
    ['include_total=maybe', 'include_total', 'enum'],
  ])('refuses ?%s with a 422', async (query, name, type) => {
    const reply = await mistral.api('GET', `/files?${query}`);
    expect(reply.status).toBe(422);
    expect(reply.json()).toMatchObject({ detail: [{ loc: ['query', name], type }] });
  });
});

describe('Mistral answers', () => {
  it('one file with `deleted`, and deletes it once', async () => {
    const created = (await upload()).json();
    const path = `/files/${created.id}`;
    expect((await mistral.api('GET', path)).json()).toEqual({ ...created, deleted: false });
    expect((await mistral.api('DELETE', path)).json()).toEqual({
      id: created.id,
      object: 'file',
      deleted: true,
    });
    for (const [method, at] of [
      ['DELETE', path],
      ['GET', path],
      ['GET', `${path}/content`],
      ['GET', `${path}/url`],
      ['GET', `/files/${NOBODY}`],
    ] as const) {
      const reply = await mistral.api(method, at);
      expect(reply.status).toBe(404);
      expect(reply.json()).toEqual({ detail: 'No file matches the given query.' });
    }
    expect((await mistral.state()).deleted).toEqual([created.id]);
  });

  it('the original bytes as content', async () => {
    const bytes = Buffer.from([0, 255, 13, 10, 45, 45]);
    const { id } = (await upload({ text: bytes, mediaType: 'application/pdf' })).json();
    const reply = await mistral.api('GET', `/files/${id}/content`);
    expect(reply.headers['content-type']).toBe('application/octet-stream');
    expect(reply.bytes).toEqual(bytes);
  });

  it('422 to an id that is no uuid', async () => {
    const reply = await mistral.api('GET', '/files/file-123');
    expect(reply.status).toBe(422);
    expect(reply.json()).toMatchObject({ detail: [{ loc: ['path', 'file_id'], type: 'uuid_parsing' }] });
  });

  it('404 for a file that outlived its expiry', async () => {
    await mistral.fault('clock-skew', { on: 'upload', skewSeconds: -7_200 });
    const { id } = (await upload({ fields: { expiry: '1' } })).json();
    expect((await mistral.api('GET', `/files/${id}`)).status).toBe(404);
    expect((await mistral.state()).files).toEqual([]);
  });
});

describe("Mistral's signed URL", () => {
  const urlOf = async (path: string): Promise<URL> =>
    new URL((await mistral.api('GET', path)).json<{ url: string }>().url);
  const get = async (url: URL) => {
    const { statusCode, body } = await request(url);
    return [statusCode, await body.text()] as const;
  };

  it('gives the bytes without a key, for its file and for reading only', async () => {
    const { id } = (await upload({ text: 'mine' })).json();
    const url = await urlOf(`/files/${id}/url`);
    expect(await get(url)).toEqual([200, 'mine']);
    const other = (await upload({ text: 'other' })).json();
    const stolen = new URL(url.href.replace(String(id), String(other.id)));
    const elsewhere = new URL(url.href.replace('/content', ''));
    const later = new URL(url);
    later.searchParams.set('expires', '99999999999999');
    for (const wrong of [stolen, elsewhere, later]) expect((await get(wrong))[0]).toBe(401);
  });

  it.each([
    ['ahead', 60_000, 200],
    ['past', -60_000, 401],
  ])('with an end %s is answered accordingly', async (_, aheadMs, status) => {
    const { id } = (await upload()).json();
    const expires = String(Date.now() + aheadMs);
    const signature = createHmac('sha256', API_KEY).update(`${id} ${expires}`).digest('hex');
    const query = new URLSearchParams({ expires, signature });
    expect((await get(new URL(`${mistral.emulator.url}/files/${id}/content?${query}`)))[0]).toBe(status);
  });

  it.each([
    ['', 24],
    ['?expiry=1', 1],
    ['?expiry=168', 168],
  ])('is good for the hours asked for%s', async (query, hours) => {
    const { id } = (await upload()).json();
    const before = Date.now();
    const expires = Number((await urlOf(`/files/${id}/url${query}`)).searchParams.get('expires'));
    const life = hours * 3_600_000;
    expect(expires).toBeGreaterThanOrEqual(before + life);
    expect(expires).toBeLessThanOrEqual(Date.now() + life);
  });

  it.each(['0', '169', 'x'])('is not made for %s hours', async (hours) => {
    const { id } = (await upload()).json();
    const reply = await mistral.api('GET', `/files/${id}/url?expiry=${hours}`);
    expect(reply.status).toBe(422);
    expect(reply.json()).toMatchObject({ detail: [{ loc: ['query', 'expiry'] }] });
  });
});

describe("Mistral's other errors", () => {
  const shape = { object: 'error', message: expect.any(String), type: expect.any(String), param: null };

  it.each([
    ['no key', '/files', ''],
    ['another key', '/files', 'Bearer other'],
    ['no key for a file', `/files/${NOBODY}`, ''],
  ])('%s is a 401', async (_, path, authorization) => {
    const reply = await mistral.api('GET', path, { headers: { authorization } });
    expect(reply.status).toBe(401);
    expect(reply.json()).toEqual({ ...shape, code: null });
  });

  it.each(['/nowhere', `/files/${NOBODY}/other`])('%s is a 404 of that shape', async (path) => {
    const reply = await mistral.api('GET', path);
    expect(reply.status).toBe(404);
    expect(reply.json()).toEqual({ ...shape, code: null });
  });

  it.each([400, 403, 413, 418, 429, 500, 503])('%i can be made to happen, with a code', async (status) => {
    await mistral.fault('status', { on: 'upload', status, code: '3505' });
    const reply = await upload();
    expect(reply.status).toBe(status);
    expect(reply.json()).toEqual({ ...shape, code: '3505' });
    expect(reply.headers['x-ratelimit-remaining']).toBe(status === 429 ? '0' : undefined);
  });

  it.each([[7], ['Mon, 23 Nov 2026 12:00:00 GMT'], [null]])(
    '429 carries Retry-After %j',
    async (retryAfter) => {
      await mistral.fault('status', { on: 'upload', status: 429, retryAfter });
      expect((await upload()).headers['retry-after']).toBe(
        retryAfter === null ? undefined : String(retryAfter),
      );
    },
  );
});
