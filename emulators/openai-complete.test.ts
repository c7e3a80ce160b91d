import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { request } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startOpenAiEmulator } from './openai.ts';
import {
  API_KEY,
  type EmulatorClient,
  multipart,
  type Reply,
  startClient,
} from './testing/emulator-client.ts';
import { openAiUploads } from './testing/openai-uploads-client.ts';

let openai: EmulatorClient;

beforeEach(async () => {
  openai = await startClient(startOpenAiEmulator, {});
});
afterEach(() => openai.close());

const restart = async (options: Partial<Parameters<typeof startOpenAiEmulator>[0]>): Promise<void> => {
  await openai.close();
  openai = await startClient(startOpenAiEmulator, options);
};
const { announce, open, sendPart, part, complete, cancel, postJson, onDisk } = openAiUploads(() => openai);
const md5Of = (text: string): string => createHash('md5').update(text).digest('hex');

describe('completing an Upload', () => {
  it.each([
    ['too little', ['abcd'], {}, 'part_ids', null],
    ['too much', ['abcdefghi', 'j'], {}, 'part_ids', null],
    ['nothing', [], {}, 'part_ids', null],
    ['a wrong checksum', ['abcdefghi'], { md5: md5Of('abcdefghj') }, 'md5', null],
    ['a checksum that is no text', ['abcdefghi'], { md5: 7 }, 'md5', 'invalid_type'],
    ['no list', ['abcdefghi'], { part_ids: undefined }, 'part_ids', 'missing_required_parameter'],
    ['a text for a list', ['abcdefghi'], { part_ids: 'part_x' }, 'part_ids', 'invalid_type'],
    ['a list of numbers', ['abcdefghi'], { part_ids: [1] }, 'part_ids', 'invalid_type'],
    ['a Part nobody sent', ['abcdefghi'], { part_ids: ['part_x'] }, 'part_ids', null],
  ])('with %s is a 400, and the Upload goes on', async (_, texts, more, param, code) => {
    const id = await open();
    const ids: string[] = [];
    for (const text of texts) ids.push(await part(id, text));
    const reply = await complete(id, ids, more);
    expect(reply.status).toBe(400);
    expect(reply.json()).toMatchObject({ error: { type: 'invalid_request_error', param, code } });
    expect(await openai.state()).toMatchObject({ files: [], uploads: [{ status: 'pending' }] });
    expect(await onDisk()).toHaveLength(texts.length);
    const right = await part(id, 'abcdefghi');
    expect((await complete(id, [right], { md5: md5Of('abcdefghi').toUpperCase() })).status).toBe(200);
  });

  it('with one Part twice, or one of another Upload, is a 400', async () => {
    const [id, other] = [await open({ bytes: 6 }), await open({ bytes: 6 })];
    const [mine, foreign] = [await part(id, 'abc'), await part(other, 'def')];
    expect((await complete(id, [mine, mine])).text).toContain('only once');
    expect((await complete(id, [mine, foreign])).text).toContain(`No such Part object: ${foreign}`);
  });

  it('without JSON is a 400', async () => {
    expect((await postJson(`/uploads/${await open()}/complete`, 'part_ids')).status).toBe(400);
  });

  it('twice at once makes one file', async () => {
    const id = await open();
    const ids = [await part(id, 'abcdefghi')];
    const replies = await Promise.all([1, 2, 3, 4].map(() => complete(id, ids)));
    const statuses = replies.map(({ status }) => status).sort();
    expect(statuses[0]).toBe(200);
    // Which of the two refusals it is depends on whether the file was ready.
    for (const status of statuses.slice(1)) expect([400, 409]).toContain(status);
    expect((await openai.state()).files).toHaveLength(1);
  });

  it('is a 400 where the project has no more room, also for two at once', async () => {
    await restart({ limits: { maxTotalBytes: 17 } });
    const ids = [await open(), await open()];
    const parts = await Promise.all(ids.map((id) => part(id, 'abcdefghi')));
    const replies = await Promise.all(ids.map((id, i) => complete(id, [parts[i] ?? ''])));
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 400]);
    expect(replies.map(({ text }) => text).join()).toContain('file storage quota');
    expect(await openai.state()).toMatchObject({ files: [{ bytes: 9 }] });
  });
});

describe('an Upload that has ended', () => {
  const END: Readonly<Record<string, (id: string, parts: readonly string[]) => Promise<Reply>>> = {
    completed: complete,
    cancelled: cancel,
    expired: () => openai.control('PUT', '/variants', { uploadLifetimeMs: 0 }),
  };

  it.each(Object.entries(END))('because it is %s takes nothing more', async (status, end) => {
    const id = await open();
    const ids = [await part(id, 'abcdefghi')];
    expect((await end(id, ids)).status).toBe(200);
    const before = await openai.state();
    expect(before.uploads).toMatchObject([{ status }]);
    for (const reply of [await sendPart(id, 'abc'), await complete(id, ids), await cancel(id)]) {
      expect(reply.status).toBe(400);
      expect(reply.json()).toMatchObject({ error: { message: `Upload ${id} is already ${status}.` } });
    }
    const after = await openai.state();
    expect(after.files).toEqual(before.files);
    expect(after.uploads).toMatchObject([{ status, parts: [] }]);
    expect(await onDisk()).toEqual([]);
  });

  it('answers its cancelling with the Upload', async () => {
    const id = await open();
    expect((await cancel(id)).json()).toMatchObject({ id, object: 'upload', status: 'cancelled', bytes: 9 });
  });

  it('stays expired when new ones live longer', async () => {
    const id = await open();
    await openai.control('PUT', '/variants', { uploadLifetimeMs: 0 });
    expect((await cancel(id)).status).toBe(400);
    await openai.control('PUT', '/variants', { uploadLifetimeMs: 60_000 });
    expect((await sendPart(id, 'abc')).text).toContain('is already expired');
    const reply = (await announce()).json();
    expect(Number(reply.expires_at) - Number(reply.created_at)).toBeLessThanOrEqual(60);
  });

  it.each(['cancelled', 'expired'])(
    'because it is %s refuses the Part that was on its way',
    async (status) => {
      const id = await open();
      const { headers, body } = multipart({ field: 'data', purpose: null, text: 'abcdefghi' });
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      const slowly = async function* (): AsyncGenerator<Buffer> {
        yield body.subarray(0, -20);
        await ended;
        yield body.subarray(-20);
      };
      const sending = request(`${openai.emulator.url}/uploads/${id}/parts`, {
        method: 'POST',
        headers: { ...headers, authorization: `Bearer ${API_KEY}` },
        body: Readable.from(slowly()),
      });
      await openai.stateWhen(
        ({ requests }) => (requests.at(-1)?.bytesReceived ?? 0) > 0 && requests.length === 2,
      );
      await END[status]?.(id, []);
      resolve();
      const reply = await sending;
      expect(reply.statusCode).toBe(400);
      expect(await reply.body.text()).toContain(`is already ${status}`);
      expect(await onDisk()).toEqual([]);
    },
  );
});

describe('an Upload that is not there', () => {
  it.each(['parts', 'complete', 'cancel'])('is a 404 to %s', async (leaf) => {
    const reply = await openai.api('POST', `/uploads/upload_x/${leaf}`);
    expect(reply.status).toBe(404);
    expect(reply.json()).toMatchObject({ error: { message: 'No such Upload object: upload_x' } });
  });

  it.each(['', '/upload_x/parts', '/upload_x/complete', '/upload_x/cancel'])(
    'is a 401 to POST /uploads%s without the key',
    async (path) => {
      const headers = { authorization: 'Bearer wrong' };
      expect((await openai.api('POST', `/uploads${path}`, { headers })).status).toBe(401);
    },
  );
});
