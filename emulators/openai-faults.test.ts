import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startOpenAiEmulator } from './openai.ts';
import { type EmulatorClient, type Reply, startClient } from './testing/emulator-client.ts';
import { openAiUploads } from './testing/openai-uploads-client.ts';

let openai: EmulatorClient;
let id: string;
let partId: string;

const { announce, open, sendPart, part, complete, cancel, onDisk } = openAiUploads(() => openai);

beforeEach(async () => {
  openai = await startClient(startOpenAiEmulator, {});
  id = await open();
  partId = await part(id, 'abcdefghi');
});
afterEach(() => openai.close());

const STEPS: Readonly<Record<string, () => Promise<Reply>>> = {
  start: () => announce(),
  chunk: () => sendPart(id, 'more'),
  finalize: () => complete(id, [partId]),
  cancel: () => cancel(id),
};
const play = (on: string): Promise<Reply> => STEPS[on]?.() ?? Promise.reject(new Error(on));
const UNTOUCHED = { files: [], uploads: [{ status: 'pending', receivedBytes: 9 }] };

describe('a fault at an Upload', () => {
  it.each(Object.keys(STEPS))('is answered by %s, which is not carried out', async (on) => {
    for (const [status, code] of [
      [409, null],
      [429, 'rate_limit_exceeded'],
      [429, 'insufficient_quota'],
      [500, null],
    ]) {
      await openai.fault('status', { on, status, code });
      const reply = await play(on);
      expect(reply.status).toBe(status);
      expect(reply.json()).toMatchObject({ error: { code } });
      expect(reply.headers['x-request-id']).toMatch(/^req_/);
    }
    const state = await openai.state();
    expect(state).toMatchObject(UNTOUCHED);
    expect(state.uploads).toHaveLength(1);
    expect((await play(on)).status).toBe(200);
  });

  it.each(['chunk', 'finalize'])('on %s is over before the next request', async (on) => {
    await openai.fault('stall', { on });
    const gone = new AbortController();
    const path = on === 'chunk' ? 'parts' : 'complete';
    const stalled = openai.api('POST', `/uploads/${id}/${path}`, { body: '{}', signal: gone.signal });
    await openai.stateWhen(({ requests }) => requests.length === 3);
    gone.abort();
    await expect(stalled).rejects.toThrow();
    expect((await play(on)).status).toBe(200);
  });

  it('sends a wait in the header that counts milliseconds, and a date in the other', async () => {
    const date = 'Wed, 21 Oct 2099 07:28:00 GMT';
    const headers = { 'retry-after-ms': '40' };
    await openai.fault('status', { on: 'chunk', status: 429, retryAfter: date, headers });
    expect((await play('chunk')).headers).toMatchObject({ 'retry-after-ms': '40', 'retry-after': date });
  });

  it.each([
    ['reset-before', {}],
    ['reset-mid', { afterBytes: 20 }],
  ])('like %s leaves no Part behind', async (fault, parameters) => {
    await openai.fault(fault, { on: 'chunk', ...parameters });
    await expect(play('chunk')).rejects.toThrow();
    expect(await openai.state()).toMatchObject(UNTOUCHED);
    await expect.poll(onDisk).toHaveLength(1);
  });

  it('answers before the Part is read', async () => {
    await openai.fault('early-status', { on: 'chunk', status: 413 });
    expect((await play('chunk')).status).toBe(413);
    expect(await openai.state()).toMatchObject(UNTOUCHED);
  });

  it.each([
    ['start', 'start'],
    ['chunk', 'chunk'],
    ['finalize', 'finalize'],
    ['upload', 'finalize'],
  ])('queued on %s loses the answer of %s, which was carried out', async (on, step) => {
    await openai.fault('store-then-reset', { on });
    await expect(play(step)).rejects.toThrow();
    const { files, uploads } = await openai.state();
    expect(uploads).toHaveLength(step === 'start' ? 2 : 1);
    expect(uploads[0]?.parts).toHaveLength({ start: 1, chunk: 2, finalize: 0 }[step] ?? -1);
    expect(files).toHaveLength(step === 'finalize' ? 1 : 0);
  });

  it('leaves an orphan where the answer to a Part was lost, which completing need not name', async () => {
    await openai.fault('store-then-status', { on: 'chunk', status: 503 });
    expect((await play('chunk')).status).toBe(503);
    expect((await openai.state()).uploads).toMatchObject([{ receivedBytes: 13 }]);
    expect((await play('finalize')).json()).toMatchObject({ file: { bytes: 9 } });
  });

  it('makes a repeated completion, whose answer was lost, a 400', async () => {
    await openai.fault('store-then-status', { on: 'finalize', status: 500 });
    expect((await play('finalize')).status).toBe(500);
    const again = await play('finalize');
    expect(again.status).toBe(400);
    expect(again.text).toContain('is already completed');
  });

  it.each([
    ['no-id', { value: 'absent' }, { id: undefined }],
    ['no-id', { value: 'empty' }, { id: '' }],
    ['bad-id', { id: '../../admin' }, { id: '../../admin' }],
  ])('like %s changes the id of an Upload, a Part, and the file', async (fault, parameters, expected) => {
    for (const on of ['start', 'chunk', 'finalize']) {
      await openai.fault(fault, { on, ...parameters });
      const json = (await play(on)).json();
      const changed = on === 'finalize' ? json.file : json;
      expect(changed).toMatchObject({
        object: { start: 'upload', chunk: 'upload.part', finalize: 'file' }[on],
      });
      expect((changed as { id: unknown }).id).toBe(expected.id);
      if (on === 'finalize') expect(json.id).toBe(id);
    }
  });

  it('changes the size and the id of the file inside, not of the Upload', async () => {
    const other = (await openai.upload({ purpose: 'user_data' })).json();
    await openai.fault('dup-id', { on: 'finalize' });
    expect((await play('finalize')).json()).toMatchObject({ id, file: { id: other.id } });
    const next = await open({ bytes: 3 });
    const last = await part(next, 'abc');
    await openai.fault('wrong-bytes', { on: 'finalize', delta: 5 });
    expect((await complete(next, [last])).json()).toMatchObject({ bytes: 3, file: { bytes: 8 } });
  });

  it.each(['chunk', 'finalize', 'cancel'])(
    'says of an Upload that is there that it is not, to %s',
    async (on) => {
      await openai.fault('no-such', { on });
      const reply = await play(on);
      expect(reply.status).toBe(404);
      expect(reply.text).toContain(`No such Upload object: ${id}`);
      expect(await openai.state()).toMatchObject(UNTOUCHED);
    },
  );

  it('puts the wrong time on the file it makes', async () => {
    await openai.fault('clock-skew', { on: 'upload', skewSeconds: -86_400 });
    const { created_at, file } = (await play('finalize')).json<{
      created_at: number;
      file: { created_at: number };
    }>();
    expect(created_at - file.created_at).toBeGreaterThan(86_000);
  });

  it.each(['malformed-json', 'truncated-json', 'empty-body', 'html-body'])(
    'like %s spoils the answer to a completion',
    async (fault) => {
      await openai.fault(fault, { on: 'finalize' });
      const reply = await play('finalize');
      expect(reply.status).toBe(200);
      expect(() => reply.json()).toThrow();
      expect((await openai.state()).files).toHaveLength(1);
    },
  );
});

describe("a fault at OpenAI's files", () => {
  const upload = (): Promise<Reply> => openai.upload({ purpose: 'user_data' });

  it.each([
    ['no-id', { on: 'retrieve', value: 'numeric' }, { id: 12_345, object: 'file' }],
    ['bad-id', { on: 'retrieve' }, { id: '../../admin', object: 'file' }],
    ['wrong-bytes', { on: 'retrieve', delta: 1 }, { bytes: 20, object: 'file' }],
  ])('like %s shows in a file', async (fault, parameters, expected) => {
    const { id: fileId } = (await upload()).json();
    await openai.fault(fault, parameters);
    expect((await openai.api('GET', `/files/${fileId}`)).json()).toMatchObject(expected);
  });

  it('repeats a page, invents pages, and fails half way', async () => {
    const ids = [(await upload()).json().id, (await upload()).json().id];
    await openai.fault('repeat-page');
    const path = `/files?limit=1&after=${ids[1]}`;
    expect((await openai.api('GET', path)).json()).toMatchObject({ data: [{ id: ids[1] }], has_more: true });
    await openai.control('DELETE', '/faults');
    await openai.fault('endless-pages', { times: 1 });
    expect((await openai.api('GET', '/files')).json()).toMatchObject({ has_more: true });
    await openai.fault('list-fails-half-way');
    expect((await openai.api('GET', '/files')).json()).toMatchObject({
      data: [{ id: ids[1] }],
      has_more: true,
    });
    expect((await openai.api('GET', path)).status).toBe(500);
  });
});
