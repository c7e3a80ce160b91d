import { once } from 'node:events';
import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startAnthropicEmulator } from './anthropic.ts';
import { startMistralEmulator } from './mistral.ts';
import {
  API_KEY,
  type EmulatorClient,
  multipart,
  type Reply,
  startClient,
} from './testing/emulator-client.ts';

type Json = Record<string, unknown>;

/** One protocol, as far as a client that walks its list has to know it. */
interface Protocol {
  readonly name: string;
  start(): Promise<EmulatorClient>;
  readonly headers: Readonly<Record<string, string>>;
  readonly purpose: string | null;
  readonly sizeField: string;
  /** The query of the page after `page`; null at the end. */
  next(page: Json & { data: readonly Json[] }, number: number): string | null;
}

const ANTHROPIC_HEADERS = { 'x-api-key': API_KEY, 'anthropic-version': '2023-06-01' };
const anthropic = {
  start: () => startClient(startAnthropicEmulator, {}),
  headers: ANTHROPIC_HEADERS,
  purpose: null,
  sizeField: 'size_bytes',
} as const;
const PROTOCOLS: readonly Protocol[] = [
  {
    ...anthropic,
    name: 'Anthropic',
    next: ({ next_page }) => (next_page === null ? null : `?limit=2&page=${next_page}`),
  },
  {
    ...anthropic,
    name: "Anthropic's beta",
    headers: { ...ANTHROPIC_HEADERS, 'anthropic-beta': 'files-api-2025-04-14' },
    next: ({ has_more, last_id }) => (has_more ? `?limit=2&after_id=${last_id}` : null),
  },
  {
    name: 'Mistral',
    start: () => startClient(startMistralEmulator, {}),
    headers: { authorization: `Bearer ${API_KEY}` },
    purpose: 'ocr',
    sizeField: 'bytes',
    next: ({ total }, number) =>
      Number(total) > (number + 1) * 2 ? `?page_size=2&page=${number + 1}` : null,
  },
];
const FIRST_PAGE = { Anthropic: '?limit=2', "Anthropic's beta": '?limit=2', Mistral: '?page_size=2' };

describe.each(PROTOCOLS)('a fault at $name', ({ name, start, headers, purpose, sizeField, next }) => {
  let client: EmulatorClient;
  beforeEach(async () => {
    client = await start();
  });
  afterEach(() => client.close());

  const upload = (text = 'hello', signal?: AbortSignal) =>
    client.upload({ purpose, text }, { headers, ...(signal === undefined ? {} : { signal }) });
  const get = (path: string) => client.api('GET', path, { headers });
  const seed = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      await client.control('POST', '/files', { filename: `${i}.txt`, text: `${i}`, purpose: 'batch' });
    }
  };
  const walk = async (maxPages: number) => {
    const pages: string[][] = [];
    let query: string | null = FIRST_PAGE[name as keyof typeof FIRST_PAGE];
    while (query !== null && pages.length < maxPages) {
      const reply: Reply = await get(`/files${query}`);
      if (reply.status !== 200) return { pages, status: reply.status };
      const page = reply.json<Json & { data: readonly { filename: string }[] }>();
      pages.push(page.data.map(({ filename }) => filename));
      query = next(page, pages.length - 1);
    }
    return { pages, status: query === null ? 200 : null };
  };
  const stored = async () => (await client.state()).files.length;

  it('is none: a walk through the list sees each file once', async () => {
    await seed(5);
    expect(await walk(9)).toEqual({
      pages: [['4.txt', '3.txt'], ['2.txt', '1.txt'], ['0.txt']],
      status: 200,
    });
  });

  it('repeats the first page with a promise of more', async () => {
    await seed(3);
    await client.fault('repeat-page');
    const { pages } = await walk(2);
    expect(pages).toEqual([
      ['2.txt', '1.txt'],
      ['2.txt', '1.txt'],
    ]);
  });

  it('goes on with pages of foreign files for ever', async () => {
    await client.fault('endless-pages');
    const { pages, status } = await walk(7);
    expect(status).toBeNull();
    expect(new Set(pages.flat()).size).toBe(7 * 20);
  });

  it('fails the list half way', async () => {
    await seed(4);
    await client.fault('list-fails-half-way');
    expect(await walk(9)).toEqual({ pages: [['3.txt']], status: 500 });
  });

  it('hides the newest file, and shows deleted ones', async () => {
    await seed(2);
    const { id } = (await upload()).json();
    await client.fault('omit-newest');
    expect((await walk(1)).pages).toEqual([['1.txt', '0.txt']]);
    await client.api('DELETE', `/files/${id}`, { headers });
    await client.fault('include-deleted');
    expect((await walk(1)).pages).toEqual([['notes.txt', '1.txt']]);
  });

  it('is off in the size, in a list too', async () => {
    await client.fault('wrong-bytes', { on: 'upload' });
    const { id, [sizeField]: size } = (await upload()).json();
    expect(size).toBe(4);
    await client.fault('wrong-bytes', { on: 'list', delta: 3 });
    expect((await get('/files')).json()).toMatchObject({ data: [{ [sizeField]: 8 }] });
    expect((await get(`/files/${id}`)).json()).toMatchObject({ [sizeField]: 5 });
  });

  it('is off in the time, in the body and the Date header', async () => {
    const created = (await upload()).json<{ id: string; created_at: string | number }>();
    await client.fault('clock-skew', { on: 'retrieve', skewSeconds: 86_400 });
    const reply = await get(`/files/${created.id}`);
    const seconds = (at: unknown): number => (typeof at === 'number' ? at : Date.parse(String(at)) / 1_000);
    expect(seconds(reply.json().created_at) - seconds(created.created_at)).toBe(86_400);
    expect(Date.parse(String(reply.headers.date))).toBeGreaterThan(Date.now() + 80_000_000);
  });

  it.each([
    ['absent', undefined],
    ['empty', ''],
    ['numeric', 12_345],
    ['null', null],
  ])('leaves the id out: %s', async (value, id) => {
    await client.fault('no-id', { value });
    expect((await upload()).json().id).toBe(id);
    expect(await stored()).toBe(1);
  });

  it('answers a delete that did not happen', async () => {
    const { id } = (await upload()).json();
    await client.fault('deleted-false');
    const reply = await client.api('DELETE', `/files/${id}`, { headers });
    expect(reply.status).toBe(200);
    expect(reply.text).not.toMatch(/file_deleted|true/);
    expect(await stored()).toBe(1);
    await client.fault('no-such');
    expect((await client.api('DELETE', `/files/${id}`, { headers })).status).toBe(404);
    expect(await stored()).toBe(1);
  });

  it('answers an error under status 200', async () => {
    await client.fault('error-in-200');
    const reply = await upload();
    expect(reply.status).toBe(200);
    expect(reply.text).toContain('error');
    expect(await stored()).toBe(0);
  });

  it('answers slowly after a full body, and the client that left has a file it does not know of', async () => {
    await client.fault('store-then-stall');
    const leaving = new AbortController();
    const ended = upload('hello', leaving.signal).catch((error: Error) => error.name);
    await client.stateWhen(({ files }) => files.length === 1);
    leaving.abort();
    expect(await ended).toBe('AbortError');
  });

  it('resets the connection in mid-body, and nothing is stored', async () => {
    await client.fault('reset-mid', { afterBytes: 1_000 });
    const error = await upload('ab'.repeat(1_000_000)).catch(({ code }: { code: string }) => code);
    expect(error).toMatch(/^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/);
    expect(await stored()).toBe(0);
  });

  it.each([401, 413])('answers %i before it has read the body, and closes', async (status) => {
    await client.fault('early-status', { status });
    const form = multipart({ purpose });
    const lines = Object.entries({ ...headers, ...form.headers }).map(
      ([key, value]) => `${key}: ${value}\r\n`,
    );
    const socket = connect(Number(new URL(client.emulator.url).port), '127.0.0.1');
    socket.write(`POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n${lines.join('')}\r\n`);
    let answered = '';
    socket.on('data', (chunk) => {
      answered += String(chunk);
    });
    await once(socket, 'close');
    expect(answered).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answered).toContain('error');
    const [record] = (await client.state()).requests;
    expect(record).toMatchObject({ status, bytesReceived: 0 });
  });

  it.each([
    [{ retryAfter: 7 }, '7'],
    [{ retryAfter: 'Mon, 23 Nov 2026 12:00:00 GMT' }, 'Mon, 23 Nov 2026 12:00:00 GMT'],
  ])('answers 429 with %j and the headers the provider adds', async (parameters, retryAfter) => {
    await client.fault('status', { on: 'upload', status: 429, ...parameters });
    const reply = await upload();
    expect([reply.status, reply.headers['retry-after']]).toEqual([429, retryAfter]);
    expect(reply.headers).toHaveProperty(name === 'Mistral' ? 'x-ratelimit-remaining' : 'request-id');
  });

  it('answers gzip unasked, and the page of a proxy', async () => {
    await client.fault('gzip', { on: 'upload' });
    const zipped = await upload();
    expect(zipped.headers['content-encoding']).toBe('gzip');
    expect(JSON.parse(gunzipSync(zipped.bytes).toString())).toMatchObject({ filename: 'notes.txt' });
    await client.fault('status', { on: 'upload', status: 502, body: '<html>Bad gateway</html>' });
    const proxied = await upload();
    expect([proxied.status, proxied.text]).toEqual([502, '<html>Bad gateway</html>']);
    expect(proxied.headers['content-type']).toMatch(/^text\/html/);
  });
});
