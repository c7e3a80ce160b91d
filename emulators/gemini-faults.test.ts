import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Reply } from './testing/emulator-client.ts';
import { GRANULARITY_BYTES as G, type GeminiClient, startGemini } from './testing/gemini-client.ts';

let gemini: GeminiClient;

beforeEach(async () => {
  gemini = await startGemini();
});
afterEach(() => gemini.close());

interface List {
  files?: { name: string; displayName: string; createTime: string }[];
  nextPageToken?: string;
}
const list = async (query = ''): Promise<List> =>
  (await gemini.api('GET', `/v1beta/files${query}`)).json<List>();
const names = ({ files = [] }: List): string[] => files.map(({ displayName }) => displayName);
const times = ({ files = [] }: List): number[] => files.map(({ createTime }) => Date.parse(createTime));
const seed = (filename: string): Promise<Reply> =>
  gemini.control('POST', '/files', { filename, text: filename, purpose: 'UPLOADED' });

describe('a fault at a Gemini upload', () => {
  const statusOf = ({ headers }: Reply): unknown => headers['x-goog-upload-status'];

  it.each([
    ['start', ''],
    ['chunk', 'upload'],
    ['finalize', 'upload, finalize'],
    ['query', 'query'],
    ['cancel', 'cancel'],
  ])('plays on %s: any status, a missing header, a reset', async (on, command) => {
    const path = await gemini.begin();
    const send = (): Promise<Reply> =>
      on === 'start' ? gemini.start() : gemini.send(path, command, { offset: 0 });
    await gemini.fault('status', { on, status: 503, headers: { 'x-goog-upload-status': 'active' } });
    const refused = await send();
    expect(refused.status).toBe(503);
    expect(statusOf(refused)).toBe('active');
    await gemini.fault('status', { on, status: 502 });
    expect(statusOf(await send())).toBeUndefined();
    await gemini.fault('reset-before', { on });
    await expect(send()).rejects.toThrow();
    expect(await gemini.query(path)).toMatchObject({ status: 'active' });
    await gemini.fault('missing-header', { on });
    const reply = await send();
    expect(reply.status).toBe(200);
    expect(statusOf(reply)).toBeUndefined();
    expect((await gemini.state()).faults).toEqual([]);
  });

  it.each(['store-then-reset', 'store-then-stall', 'store-then-status'])(
    '%s leaves the chunk received, and the end final',
    async (fault) => {
      const path = await gemini.begin();
      const send = async (command: string, offset: number): Promise<unknown> => {
        const leaving = new AbortController();
        const sent = gemini
          .send(path, command, { offset, body: Buffer.alloc(G), signal: leaving.signal })
          .catch((error: unknown) => error);
        await gemini.stateWhen(({ uploads }) => Number(uploads[0]?.receivedBytes) === offset + G);
        if (fault === 'store-then-stall') leaving.abort();
        return sent;
      };
      await gemini.fault(fault, { on: 'chunk' });
      await send('upload', 0);
      expect(await gemini.query(path)).toEqual({ http: 200, status: 'active', received: G });
      await gemini.fault(fault, { on: 'finalize' });
      await send('upload, finalize', G);
      expect(await gemini.query(path)).toEqual({ http: 200, status: 'final', received: 2 * G });
      expect((await gemini.state()).files).toMatchObject([{ bytes: 2 * G }]);
    },
  );

  it('without a header of its choice lacks that one', async () => {
    await gemini.fault('missing-header', { on: 'start', name: 'X-Goog-Upload-URL' });
    const { headers } = await gemini.start();
    expect(headers).not.toHaveProperty('x-goog-upload-url');
    expect(headers['x-goog-upload-status']).toBe('active');
  });

  it('can make it look lost', async () => {
    const path = await gemini.begin();
    await gemini.fault('no-such', { on: 'query' });
    expect(await gemini.query(path)).toMatchObject({ http: 404, status: undefined });
    expect(await gemini.query(path)).toMatchObject({ http: 200, status: 'active' });
  });

  it('that is meant for uploads plays on the end of one', async () => {
    const path = await gemini.begin();
    await gemini.fault('status', { status: 500 });
    await gemini.fault('no-id');
    expect((await gemini.send(path, 'upload', { offset: 0, body: Buffer.alloc(G) })).status).toBe(200);
    expect((await gemini.send(path, 'finalize')).status).toBe(500);
    const reply = await gemini.send(path, 'finalize');
    expect(statusOf(reply)).toBe('final');
    expect(reply.json().file).not.toHaveProperty('name');
    expect((await gemini.state()).files).toHaveLength(1);
  });

  it('spoils the file in its own words', async () => {
    await gemini.fault('wrong-bytes', { delta: 5 });
    expect(await gemini.put('x')).toMatchObject({ sizeBytes: '6' });
    await gemini.fault('bad-id');
    expect(await gemini.put('x')).toMatchObject({ name: 'files/../../admin' });
    const first = await gemini.put('x', { file: { name: 'files/first' } });
    await gemini.fault('dup-id', { id: 'first' });
    expect(await gemini.put('x')).toMatchObject({ name: first.name });
    await gemini.fault('clock-skew', { skewSeconds: -86_400 });
    const behind = await gemini.put('x');
    const gap = Date.parse(String(first.createTime)) - Date.parse(String(behind.createTime));
    expect(Math.abs(gap - 86_400_000)).toBeLessThan(60_000);
    expect((await gemini.api('GET', `/v1beta/${behind.name}`)).json()).toEqual(behind);
    await gemini.fault('malformed-json');
    const path = await gemini.begin();
    const reply = await gemini.send(path, 'finalize');
    expect(statusOf(reply)).toBe('final');
    expect(() => reply.json()).toThrow(SyntaxError);
  });

  it('spoils lists in its own words', async () => {
    await gemini.fault('endless-pages', { times: 3 });
    const seen = new Set<string>();
    for (let page = await list(), i = 0; i < 2; i++) {
      for (const { name } of page.files ?? []) seen.add(name);
      page = await list(`?pageToken=${page.nextPageToken}`);
    }
    expect(seen.size).toBe(40);
    for (const filename of ['1', '2', '3', '4']) await seed(filename);
    await gemini.fault('repeat-page');
    const first = await list('?pageSize=2');
    expect(await list(`?pageSize=2&pageToken=${first.nextPageToken}`)).toEqual(first);
    await gemini.fault('list-fails-half-way');
    const half = await list();
    expect(names(half)).toEqual(['4', '3']);
    const next = `/v1beta/files?pageToken=${half.nextPageToken}`;
    expect((await gemini.api('GET', next)).status).toBe(500);
    expect(names((await gemini.api('GET', next)).json<List>())).toEqual(['2', '1']);
    await gemini.fault('clock-skew', { on: 'list', skewSeconds: 86_400 });
    const [skewed, straight] = [times(await list()), times(await list())];
    expect(skewed).toEqual(straight.map((time) => time + 86_400_000));
  });
});
