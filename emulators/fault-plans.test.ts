import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { request } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FAULTS, type FaultName } from './faults.ts';
import { startGlmEmulator } from './glm.ts';
import { startKimiEmulator } from './kimi.ts';
import {
  API_KEY,
  type EmulatorClient,
  multipart,
  type Reply,
  startClient,
} from './testing/emulator-client.ts';
import { withGemini } from './testing/gemini-client.ts';

let kimi: EmulatorClient;
let glm: EmulatorClient;

beforeEach(async () => {
  kimi = await startClient(startKimiEmulator, {});
  glm = await startClient(startGlmEmulator, {});
});
afterEach(async () => {
  await Promise.all([kimi.close(), glm.close()]);
});

const storedCount = async (emulator = kimi): Promise<number> => (await emulator.state()).files.length;
const idOf = (reply: Reply): unknown => reply.json().id;
const seed = async (emulator: EmulatorClient, filenames: readonly string[]): Promise<void> => {
  for (const filename of filenames) {
    await emulator.control('POST', '/files', { filename, text: filename, purpose: 'agent' });
  }
};
interface List {
  data: { id: string; filename: string; bytes: number }[];
  has_more?: boolean;
}
const list = async (emulator: EmulatorClient, query = ''): Promise<List> =>
  (await emulator.api('GET', `/files${query}`)).json<List>();
const names = ({ data }: List): string[] => data.map(({ filename }) => filename);

/** The code of the error a call ends with; the call has to end with one. */
const errorCode = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    (value) => {
      throw new Error(`answered instead: ${JSON.stringify(value)}`);
    },
    (error: { code?: unknown; name?: string }) => (error.name === 'AbortError' ? error.name : error.code),
  );
const CUT = /^(ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)$/;

/** Sends an upload and reports its end only when the emulator saw the client go. */
const uploadUntil = async (check: Parameters<EmulatorClient['stateWhen']>[0]): Promise<void> => {
  const leaving = new AbortController();
  const ended = errorCode(kimi.upload({}, { signal: leaving.signal }));
  await kimi.stateWhen(check);
  leaving.abort();
  await expect(ended).resolves.toBe('AbortError');
};

const open = async (): Promise<Socket> => {
  const socket = connect(Number(new URL(kimi.emulator.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
};
const head = (contentLength: number): string =>
  `POST /v1/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${API_KEY}\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: ${contentLength}\r\n\r\n`;
const received = async (socket: Socket): Promise<string> => {
  let text = '';
  socket.on('data', (chunk) => {
    text += String(chunk);
  });
  await once(socket, 'close');
  return text;
};

// One check per fault; the type makes a fault without one an error.
const EFFECTS: { readonly [N in FaultName]: () => Promise<void> } = {
  status: async () => {
    await kimi.fault('status', { status: 503, times: 2 });
    expect((await kimi.upload()).status).toBe(503);
    expect((await kimi.upload()).status).toBe(503);
    expect(await storedCount()).toBe(0);
    expect((await kimi.upload()).status).toBe(200);
  },
  'reset-before': async () => {
    await kimi.fault('reset-before');
    expect(await errorCode(kimi.upload())).toMatch(CUT);
    const { files, requests } = await kimi.state();
    expect(files).toEqual([]);
    expect(requests).toMatchObject([{ status: null, bytesReceived: 0 }]);
  },
  'reset-mid': async () => {
    await kimi.fault('reset-mid', { afterBytes: 200_000 });
    expect(await errorCode(kimi.upload({ text: 'words '.repeat(1_000_000) }))).toMatch(CUT);
    const { files, requests } = await kimi.state();
    expect(files).toEqual([]);
    expect(requests[0]?.bytesReceived).toBeGreaterThanOrEqual(200_000);
    expect(requests[0]?.bytesReceived).toBeLessThan(6_000_000);
    await kimi.fault('reset-mid', { afterBytes: 10_000_000 });
    expect(await errorCode(kimi.upload())).toMatch(CUT);
    expect(await storedCount()).toBe(0);
  },
  stall: async () => {
    await kimi.fault('stall');
    await uploadUntil(({ requests }) => requests.length === 1);
    const { files, requests } = await kimi.state();
    expect(files).toEqual([]);
    expect(requests).toMatchObject([{ status: null, bytesReceived: 0 }]);
  },
  drip: async () => {
    await kimi.fault('drip', { bytesPerSecond: 1 });
    await uploadUntil(({ requests }) => requests.length === 1);
    const { files, requests } = await kimi.state();
    expect(files).toEqual([]);
    expect(requests).toMatchObject([{ status: null, bytesReceived: 0 }]);
    await kimi.fault('drip', { bytesPerSecond: 2_000 });
    const startedAt = performance.now();
    expect((await kimi.upload({ text: 'some words '.repeat(20) })).status).toBe(200);
    expect(performance.now() - startedAt).toBeGreaterThan(100);
    expect(await storedCount()).toBe(1);
  },
  'slow-answer': async () => {
    await kimi.fault('slow-answer', { delayMs: 60_000 });
    await uploadUntil(({ files }) => files.length === 1);
    await kimi.fault('slow-answer', { delayMs: 10 });
    expect((await kimi.upload()).status).toBe(200);
  },
  'early-status': async () => {
    await kimi.fault('early-status', { status: 401 });
    const socket = await open();
    const answered = received(socket);
    // Announced and never sent, so that an answer can only be one that did not wait for it.
    socket.write(head(1_000_000));
    expect(await answered).toMatch(/^HTTP\/1.1 401 .*connection: close.*invalid_authentication_error/is);
    expect((await kimi.state()).requests).toMatchObject([{ status: 401, bytesReceived: 0 }]);
  },
  'endless-body': async () => {
    await kimi.fault('endless-body', { chunkBytes: 1_000, delayMs: 1 });
    const form = multipart({});
    const { statusCode, body } = await request(`${kimi.emulator.url}/files`, {
      method: 'POST',
      headers: { authorization: `Bearer ${API_KEY}`, ...form.headers },
      body: form.body,
    });
    let bytes = 0;
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > 20_000) break;
    }
    expect(statusCode).toBe(200);
    expect(bytes).toBeGreaterThan(20_000);
    expect(await storedCount()).toBe(1);
  },
  'store-then-reset': async () => {
    await kimi.fault('store-then-reset');
    expect(await errorCode(kimi.upload())).toMatch(CUT);
    expect(await storedCount()).toBe(1);
  },
  'store-then-stall': async () => {
    await kimi.fault('store-then-stall');
    await uploadUntil(({ files }) => files.length === 1);
    expect((await kimi.state()).requests).toMatchObject([{ status: null }]);
  },
  'store-then-status': async () => {
    await kimi.fault('store-then-status', { status: 503, retryAfter: 2 });
    const reply = await kimi.upload();
    expect(reply.status).toBe(503);
    expect(reply.headers['retry-after']).toBe('2');
    expect(await storedCount()).toBe(1);
  },
  'malformed-json': async () => {
    await kimi.fault('malformed-json');
    const reply = await kimi.upload();
    expect(reply.status).toBe(200);
    expect(() => reply.json()).toThrow(SyntaxError);
    expect(await storedCount()).toBe(1);
  },
  'truncated-json': async () => {
    await kimi.fault('truncated-json');
    const reply = await kimi.upload();
    expect(reply.text).toMatch(/^\{"id":"[a-z0-9]{20}"/);
    expect(() => reply.json()).toThrow(SyntaxError);
    expect(await storedCount()).toBe(1);
  },
  'empty-body': async () => {
    await kimi.fault('empty-body');
    expect(await kimi.upload()).toMatchObject({ status: 200, text: '' });
    expect(await storedCount()).toBe(1);
  },
  'html-body': async () => {
    await kimi.fault('html-body');
    const reply = await kimi.upload();
    expect(reply.headers['content-type']).toMatch(/^text\/html/);
    expect(reply.text).toMatch(/^<!doctype html>/);
    expect(await storedCount()).toBe(1);
  },
  'no-id': async () => {
    for (const [value, id] of Object.entries({ absent: undefined, empty: '', numeric: 12_345, null: null })) {
      await kimi.fault('no-id', { value });
      expect(idOf(await kimi.upload())).toBe(id);
    }
    expect(await storedCount()).toBe(4);
  },
  'bad-id': async () => {
    await kimi.fault('bad-id');
    expect(idOf(await kimi.upload())).toBe('../../admin');
    const long = `${'x'.repeat(10_000)}\r\n`;
    await kimi.fault('bad-id', { id: long });
    expect(idOf(await kimi.upload())).toBe(long);
    expect((await kimi.state()).files.map(({ id }) => id.length)).toEqual([20, 20]);
  },
  'dup-id': async () => {
    const first = idOf(await kimi.upload());
    await kimi.fault('dup-id');
    expect(idOf(await kimi.upload())).toBe(first);
    await kimi.fault('dup-id', { id: 'mine' });
    expect(idOf(await kimi.upload())).toBe('mine');
    expect(new Set((await kimi.state()).files.map(({ id }) => id)).size).toBe(3);
  },
  'wrong-bytes': async () => {
    await kimi.fault('wrong-bytes');
    expect((await kimi.upload({ text: 'four' })).json().bytes).toBe(3);
    await kimi.fault('wrong-bytes', { on: 'list', delta: 10 });
    expect((await list(kimi)).data[0]?.bytes).toBe(14);
    expect((await kimi.state()).files[0]?.bytes).toBe(4);
  },
  'error-in-200': async () => {
    await glm.fault('error-in-200', { code: '1305' });
    const reply = await glm.upload({ purpose: 'agent' });
    expect(reply.status).toBe(200);
    expect(reply.json()).toMatchObject({ error: { code: '1305' } });
    expect(await storedCount(glm)).toBe(0);
  },
  redirect: async () => {
    await kimi.fault('redirect', { location: 'http://127.0.0.1:9/else' });
    const reply = await kimi.upload();
    expect(reply.status).toBe(307);
    expect(reply.headers.location).toBe('http://127.0.0.1:9/else');
    expect(await storedCount()).toBe(0);
  },
  'bad-length': async () => {
    await kimi.fault('bad-length');
    expect(await errorCode(kimi.upload())).toMatch(CUT);
    await kimi.fault('bad-length', { delta: -5 });
    const socket = await open();
    const answered = received(socket);
    const { body } = multipart({});
    socket.write(head(body.length).replace('boundary=b', 'boundary=test-boundary-7d1f'));
    socket.write(body);
    const [headers = '', json = ''] = (await answered).split('\r\n\r\n');
    expect(Number(/content-length: (\d+)/i.exec(headers)?.[1])).toBe(json.length - 5);
    expect(await storedCount()).toBe(2);
  },
  'gzip-garbage': async () => {
    await kimi.fault('gzip-garbage');
    const reply = await kimi.upload();
    expect(reply.headers['content-encoding']).toBe('gzip');
    expect(() => gunzipSync(reply.bytes)).toThrow();
    expect(await storedCount()).toBe(1);
  },
  gzip: async () => {
    await kimi.fault('gzip');
    const reply = await kimi.upload();
    expect(reply.headers['content-encoding']).toBe('gzip');
    expect(JSON.parse(gunzipSync(reply.bytes).toString())).toMatchObject({ object: 'file' });
  },
  'no-such': async () => {
    const path = `/files/${idOf(await kimi.upload())}`;
    await kimi.fault('no-such');
    expect((await kimi.api('DELETE', path)).status).toBe(404);
    expect((await kimi.api('GET', path)).status).toBe(200);
  },
  'missing-header': async () => {
    const { headers } = await withGemini((api) => api.fault('missing-header').then(() => api.start()));
    expect(headers).not.toHaveProperty('x-goog-upload-status');
  },
  'deleted-false': async () => {
    const id = idOf(await kimi.upload());
    await kimi.fault('deleted-false');
    expect((await kimi.api('DELETE', `/files/${id}`)).json()).toEqual({ id, object: 'file', deleted: false });
    expect(await storedCount()).toBe(1);
  },
  'delete-then-status': async () => {
    const [first, second] = [idOf(await kimi.upload()), idOf(await kimi.upload())];
    await kimi.fault('delete-then-status', { status: 502 });
    expect((await kimi.api('DELETE', `/files/${first}`)).status).toBe(502);
    await kimi.fault('delete-then-status', { reset: true });
    expect(await errorCode(kimi.api('DELETE', `/files/${second}`))).toMatch(CUT);
    expect((await kimi.state()).deleted).toEqual([first, second]);
    expect((await kimi.api('DELETE', `/files/${first}`)).status).toBe(404);
  },
  'omit-newest': async () => {
    await seed(kimi, ['1', '2', '3']);
    await kimi.fault('omit-newest', { count: 2 });
    expect(names(await list(kimi))).toEqual(['1']);
    expect(names(await list(kimi))).toEqual(['3', '2', '1']);
  },
  'repeat-page': async () => {
    await seed(glm, ['1', '2', '3']);
    await glm.fault('repeat-page');
    const first = await list(glm, '?limit=2');
    expect(await list(glm, `?limit=2&after=${first.data[1]?.id}`)).toEqual(first);
    expect(first.has_more).toBe(true);
    expect(names(await list(glm, `?limit=2&after=${first.data[1]?.id}`))).toEqual(['1']);
    await seed(kimi, ['1', '2']);
    await kimi.fault('repeat-page');
    expect(names(await list(kimi))).toEqual(['2', '1', '2', '1']);
  },
  'endless-pages': async () => {
    await glm.fault('endless-pages');
    const ids = new Set<string>();
    let after = '';
    for (let i = 0; i < 5; i++) {
      const page = await list(glm, after);
      expect(page.has_more).toBe(true);
      for (const { id } of page.data) ids.add(id);
      after = `?after=${page.data.at(-1)?.id}`;
    }
    expect(ids.size).toBe(100);
    await glm.control('DELETE', '/faults');
    expect(await list(glm)).toEqual({ object: 'list', data: [], has_more: false });
  },
  'include-deleted': async () => {
    await seed(kimi, ['1', '2', '3']);
    const { data } = await list(kimi);
    await kimi.api('DELETE', `/files/${data[1]?.id}`);
    await kimi.fault('include-deleted');
    expect((await list(kimi)).data).toEqual(data);
    expect(names(await list(kimi))).toEqual(['3', '1']);
  },
  shuffle: async () => {
    await seed(kimi, ['1', '2', '3']);
    await kimi.fault('shuffle', { times: 10 });
    for (let i = 0; i < 10; i++) {
      const order = names(await list(kimi));
      expect(order).not.toEqual(['3', '2', '1']);
      expect(order.toSorted()).toEqual(['1', '2', '3']);
    }
  },
  'list-fails-half-way': async () => {
    await seed(glm, ['1', '2', '3', '4']);
    await glm.fault('list-fails-half-way');
    const page = await list(glm);
    expect(names(page)).toEqual(['4', '3']);
    expect(page.has_more).toBe(true);
    const next = `/files?after=${page.data[1]?.id}`;
    expect((await glm.api('GET', next)).status).toBe(500);
    expect((await glm.api('GET', next)).status).toBe(200);
    await seed(kimi, ['1', '2']);
    await kimi.fault('list-fails-half-way');
    expect(await errorCode(kimi.api('GET', '/files'))).toMatch(CUT);
  },
  'clock-skew': async () => {
    await kimi.fault('clock-skew', { skewSeconds: -86_400 });
    const behind = await kimi.upload();
    const straight = (await kimi.upload()).json();
    const gap = Number(straight.created_at) - Number(behind.json().created_at);
    expect(Math.abs(gap - 86_400)).toBeLessThan(60);
    expect(Date.parse(String(behind.headers.date))).toBeLessThan(Date.now() - 86_000_000);
    const path = `/files/${idOf(behind)}`;
    expect((await kimi.api('GET', path)).json()).toEqual(behind.json());
    await kimi.fault('clock-skew', { on: 'retrieve', skewSeconds: 5 });
    const shifted = (await kimi.api('GET', path)).json();
    expect(shifted.created_at).toBe(Number(behind.json().created_at) + 5);
  },
};

describe('the fault', () => {
  it.each(Object.keys(FAULTS) as FaultName[])('%s shows its effect', (name) => EFFECTS[name]());
});

describe('a fault', () => {
  it('that spoils an answer leaves a refusal as it is', async () => {
    await kimi.fault('no-id');
    const reply = await kimi.upload({ text: '' });
    expect(reply.status).toBe(400);
    expect(reply.text).toContain('file size is zero');
  });

  it('plays on every operation it names, without carrying it out where it says so', async () => {
    const id = idOf(await kimi.upload());
    const calls = [
      ['list', 'GET', '/files'],
      ['retrieve', 'GET', `/files/${id}`],
      ['content', 'GET', `/files/${id}/content`],
      ['delete', 'DELETE', `/files/${id}`],
    ] as const;
    for (const [on, method, path] of calls) {
      await kimi.fault('status', { on, status: 529 });
      expect((await kimi.api(method, path)).status).toBe(529);
      await kimi.fault('reset-before', { on });
      expect(await errorCode(kimi.api(method, path))).toMatch(CUT);
    }
    expect(await storedCount()).toBe(1);
  });
});
