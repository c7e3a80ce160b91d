import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, rm, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Reply } from './testing/emulator-client.ts';
import { GRANULARITY_BYTES as G, type GeminiClient, startGemini } from './testing/gemini-client.ts';

let gemini: GeminiClient;

beforeEach(async () => {
  gemini = await startGemini();
});
afterEach(() => gemini.close());

const restart = async (options: Parameters<typeof startGemini>[0]): Promise<void> => {
  await gemini.close();
  gemini = await startGemini(options);
};
const statusOf = ({ headers }: Reply): unknown => headers['x-goog-upload-status'];
const fileOf = (reply: Reply): Record<string, unknown> =>
  reply.json<{ file: Record<string, unknown> }>().file;
const storedBytes = async (name: unknown): Promise<Buffer> =>
  (await gemini.control('GET', `/${String(name)}/bytes`)).bytes;
const incoming = (): Promise<string[]> => readdir(join(gemini.directory, 'gemini', 'incoming'));
const ended = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'answered',
    (error: { code?: unknown }) => error.code,
  );
const CUT = /^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/;

/** Sends the head of a request and the beginning of its body, and leaves the connection open. */
const sendPart = async (
  path: string,
  { offset, announced, bytes }: { offset: number; announced: number; bytes: Buffer },
): Promise<Socket> => {
  const socket = connect(Number(new URL(gemini.emulator.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const head = [
    `POST ${path} HTTP/1.1`,
    'host: x',
    'x-goog-upload-command: upload, finalize',
    `x-goog-upload-offset: ${offset}`,
    `content-length: ${announced}`,
    '\r\n',
  ];
  socket.write(head.join('\r\n'));
  socket.write(bytes);
  await gemini.stateWhen(({ requests }) => requests.at(-1)?.bytesReceived === bytes.length);
  return socket;
};

describe('an upload', () => {
  it('answers 409 for a chosen name that is taken, also to the second of two that finish', async () => {
    const file = { name: 'files/mine' };
    const [first, second] = [await gemini.begin({ file }), await gemini.begin({ file })];
    expect((await gemini.send(first, 'upload, finalize', { offset: 0, body: 'one' })).status).toBe(200);
    const late = await gemini.send(second, 'upload, finalize', { offset: 0, body: 'two' });
    for (const reply of [late, await gemini.start({ file })]) {
      expect(reply.status).toBe(409);
      expect(reply.json()).toMatchObject({ error: { code: 409, status: 'ALREADY_EXISTS' } });
    }
    expect(statusOf(late)).toBe('final');
    expect(await gemini.query(second)).toMatchObject({ http: 200, status: 'final' });
    expect(String(await storedBytes('files/mine'))).toBe('one');
    expect(await incoming()).toEqual([]);
  });

  it('in chunks survives broken connections: query, resume, the same bytes', async () => {
    const bytes = randomBytes(40 * G + 123);
    const path = await gemini.begin({ sizeBytes: bytes.length, file: { displayName: 'big.bin' } });
    const chunk = await gemini.send(path, 'upload', { offset: 0, body: bytes.subarray(0, 8 * G) });
    expect(chunk).toMatchObject({ status: 200, text: '' });
    expect(chunk.headers).toMatchObject({
      'x-goog-upload-status': 'active',
      'x-goog-upload-size-received': String(8 * G),
    });

    const announced = bytes.length - 8 * G;
    const cut = bytes.subarray(8 * G, 10 * G + 77);
    const socket = await sendPart(path, { offset: 8 * G, announced, bytes: cut });
    socket.destroy();
    await expect.poll(() => gemini.query(path)).toEqual({ http: 200, status: 'active', received: 10 * G });

    await gemini.fault('reset-mid', { on: 'chunk', afterBytes: 1 });
    const broken = gemini.send(path, 'upload', { offset: 10 * G, body: bytes.subarray(10 * G, 30 * G) });
    expect(await ended(broken)).toMatch(CUT);
    const { received } = await gemini.query(path);
    expect(received % G).toBe(0);
    expect(received).toBeGreaterThanOrEqual(10 * G);

    const last = await gemini.send(path, 'upload, finalize', {
      offset: received,
      body: bytes.subarray(received),
    });
    expect(statusOf(last)).toBe('final');
    expect(fileOf(last)).toMatchObject({
      displayName: 'big.bin',
      sizeBytes: String(bytes.length),
      sha256Hash: createHash('sha256').update(bytes).digest('base64'),
    });
    expect((await storedBytes(fileOf(last).name)).equals(bytes)).toBe(true);
    expect(await incoming()).toEqual([]);
  });

  it('keeps nothing of a broken chunk where so chosen', async () => {
    await restart({ variants: { brokenChunk: 'nothing' } });
    const bytes = randomBytes(5 * G);
    const path = await gemini.begin();
    await gemini.send(path, 'upload', { offset: 0, body: bytes.subarray(0, G) });
    const cut = bytes.subarray(G, 4 * G);
    const socket = await sendPart(path, { offset: G, announced: 4 * G, bytes: cut });
    socket.destroy();
    await gemini.stateWhen(({ requests }) => requests.length === 3);
    expect(await gemini.query(path)).toMatchObject({ received: G });
    const last = await gemini.send(path, 'finalize');
    expect((await storedBytes(fileOf(last).name)).equals(bytes.subarray(0, G))).toBe(true);
    expect((await stat(join(gemini.directory, 'gemini', String(fileOf(last).name)))).size).toBe(G);
  });

  it('cuts off a request that still hangs when the client comes back', async () => {
    const bytes = randomBytes(3 * G);
    const path = await gemini.begin();
    const socket = await sendPart(path, { offset: 0, announced: 3 * G, bytes: bytes.subarray(0, 2 * G + 9) });
    const [query, again] = await Promise.all([gemini.query(path), gemini.query(path)]);
    expect([query.received, again.received]).toEqual([2 * G, 2 * G]);
    await expect.poll(() => socket.closed).toBe(true);
  });

  it('of 20 MB in chunks of the default granularity arrives whole', async () => {
    await restart({ variants: { granularityBytes: 8_388_608 } });
    const bytes = randomBytes(20_000_000);
    const path = await gemini.begin({ sizeBytes: bytes.length });
    for (const offset of [0, 8_388_608]) {
      const body = bytes.subarray(offset, offset + 8_388_608);
      expect((await gemini.send(path, 'upload', { offset, body })).status).toBe(200);
    }
    const body = bytes.subarray(2 * 8_388_608);
    const last = await gemini.send(path, 'upload, finalize', { offset: 2 * 8_388_608, body });
    expect(fileOf(last).sha256Hash).toBe(createHash('sha256').update(bytes).digest('base64'));
    expect((await storedBytes(fileOf(last).name)).equals(bytes)).toBe(true);
  });

  it.each([
    ['POST', 'upload, finalize', false],
    ['PUT', 'UPLOAD,Finalize', false],
    ['POST', ' finalize ,upload', true],
  ] as const)('ends by %s with "%s", chunked: %s', async (method, command, chunked) => {
    const path = await gemini.begin({ sizeBytes: null });
    const reply = await gemini.send(path, command, { method, offset: 0, body: 'some words', chunked });
    expect(statusOf(reply)).toBe('final');
    expect(String(await storedBytes(fileOf(reply).name))).toBe('some words');
  });

  it('may be ended alone when all is there, and says the same when asked again', async () => {
    const path = await gemini.begin({ sizeBytes: G });
    await gemini.send(path, 'upload', { offset: 0, body: Buffer.alloc(G, 'a') });
    const reply = await gemini.send(path, 'finalize');
    expect(fileOf(reply)).toMatchObject({ sizeBytes: String(G) });
    for (const command of ['query', 'finalize']) {
      const again = await gemini.send(path, command);
      expect(again.json()).toEqual(reply.json());
      expect(again.headers).toMatchObject({
        'x-goog-upload-status': 'final',
        'x-goog-upload-size-received': String(G),
      });
    }
    expect((await gemini.state()).files).toHaveLength(1);
  });

  it('makes one file when its end is asked for twice at once', async () => {
    const path = await gemini.begin();
    await gemini.send(path, 'upload', { offset: 0, body: Buffer.alloc(G, 'a') });
    const replies = await Promise.all([gemini.send(path, 'finalize'), gemini.send(path, 'finalize')]);
    expect(fileOf(replies[0])).toEqual(fileOf(replies[1]));
    expect((await gemini.state()).files).toHaveLength(1);
  });

  it.each(['upload, finalize', 'finalize'])('of no bytes ends by "%s"', async (command) => {
    for (const sizeBytes of [0, null]) {
      const path = await gemini.begin({ sizeBytes });
      const reply = await gemini.send(path, command, { offset: 0 });
      expect(fileOf(reply)).toMatchObject({
        sizeBytes: '0',
        sha256Hash: createHash('sha256').digest('base64'),
        state: 'ACTIVE',
      });
    }
  });

  it.each([
    ['another offset', 'upload', { offset: 7, body: Buffer.alloc(G) }, 409, /Expected offset 4096, got 7/],
    ['no offset', 'upload', { body: Buffer.alloc(G) }, 409, /Expected offset 4096, got 0/],
    [
      'an offset that is none',
      'upload',
      { offset: 'x', body: Buffer.alloc(G) },
      400,
      /Invalid X-Goog-Upload-O/,
    ],
    ['a chunk of another size', 'upload', { offset: G, body: Buffer.alloc(G - 1) }, 400, /no multiple/],
    ['more than announced', 'upload', { offset: G, body: Buffer.alloc(2 * G) }, 400, /More bytes/],
    ['an end too early', 'finalize', {}, 400, /Fewer bytes/],
    ['an end with too few', 'upload, finalize', { offset: G, body: Buffer.alloc(9) }, 400, /Fewer bytes/],
  ] as const)('goes on after %s', async (_, command, options, status, words) => {
    const path = await gemini.begin({ sizeBytes: 2 * G });
    await gemini.send(path, 'upload', { offset: 0, body: Buffer.alloc(G, 'a') });
    const reply = await gemini.send(path, command, options);
    expect(reply.status).toBe(status);
    expect(statusOf(reply)).toBe('active');
    expect(reply.headers['content-type']).toMatch(/^text\/plain/);
    expect(reply.text).toMatch(words);
    expect(await gemini.query(path)).toEqual({ http: 200, status: 'active', received: G });
    const last = await gemini.send(path, 'upload, finalize', { offset: G, body: Buffer.alloc(G, 'b') });
    expect(String(await storedBytes(fileOf(last).name))).toBe('a'.repeat(G) + 'b'.repeat(G));
  });

  it.each(['dance', '', 'start'])('does not know the command "%s"', async (command) => {
    const path = await gemini.begin();
    const reply = await gemini.send(path, command, { body: 'x' });
    expect(reply.status).toBe(400);
    expect(statusOf(reply)).toBeUndefined();
    expect(await gemini.query(path)).toMatchObject({ status: 'active', received: 0 });
  });

  it.each(['upload', 'upload, finalize', 'finalize', 'query', 'cancel'])(
    'that is unknown answers 404 to "%s", without a status',
    async (command) => {
      const reply = await gemini.send('/upload/v1beta/files?upload_id=guess', command, { body: 'x' });
      expect(reply.status).toBe(404);
      expect(reply.headers['content-type']).toMatch(/^text\/plain/);
      expect(statusOf(reply)).toBeUndefined();
    },
  );

  it('is gone once cancelled', async () => {
    const path = await gemini.begin();
    await gemini.send(path, 'upload', { offset: 0, body: Buffer.alloc(G) });
    const reply = await gemini.send(path, 'cancel');
    expect(reply.status).toBe(200);
    expect(statusOf(reply)).toBe('cancelled');
    expect(await incoming()).toEqual([]);
    expect(await gemini.query(path)).toMatchObject({ http: 410, status: 'cancelled' });
    for (const command of ['upload', 'upload, finalize', 'finalize']) {
      const late = await gemini.send(path, command, { offset: G, body: 'x' });
      expect(late.status).toBe(400);
      expect(statusOf(late)).toBe('cancelled');
    }
    expect((await gemini.state()).files).toEqual([]);
  });

  it('that is final takes no more and cannot be cancelled', async () => {
    const path = await gemini.begin();
    await gemini.send(path, 'upload, finalize', { offset: 0, body: 'x' });
    for (const command of ['upload', 'upload, finalize', 'cancel']) {
      const late = await gemini.send(path, command, { offset: 1, body: 'y' });
      expect(late.status).toBe(400);
      expect(statusOf(late)).toBe('final');
    }
    expect(await gemini.state()).toMatchObject({ files: [{ bytes: 1 }] });
  });

  it('is lost in a restart, its file is not', async () => {
    const { name } = await gemini.put('kept');
    const path = await gemini.begin();
    await gemini.send(path, 'upload', { offset: 0, body: Buffer.alloc(G) });
    await gemini.emulator.close();
    const { directory } = gemini;
    gemini = await startGemini({ directory });
    expect(await gemini.query(path)).toMatchObject({ http: 404, status: undefined });
    expect((await gemini.api('GET', `/v1beta/${name}`)).json()).toMatchObject({ name });
    expect(await incoming()).toEqual([]);
  });
});

describe('a limit', () => {
  it('on the file holds where no size was announced', async () => {
    await restart({ limits: { maxFileBytes: 2 * G } });
    const path = await gemini.begin();
    const reply = await gemini.send(path, 'upload, finalize', { offset: 0, body: Buffer.alloc(2 * G + 1) });
    expect(reply.status).toBe(400);
    expect(statusOf(reply)).toBe('active');
    const [written = ''] = await incoming();
    expect((await stat(join(gemini.directory, 'gemini', 'incoming', written))).size).toBeLessThanOrEqual(
      2 * G,
    );
    const last = await gemini.send(path, 'upload, finalize', { offset: 0, body: Buffer.alloc(2 * G) });
    expect(last.status).toBe(200);
  });

  it('on all files is a quota error at the start, and at the end of an upload without a size', async () => {
    await restart({ limits: { maxTotalBytes: 10 } });
    const early = await gemini.begin();
    await gemini.put('1234567');
    const late = await gemini.send(early, 'upload, finalize', { offset: 0, body: '1234' });
    for (const reply of [late, await gemini.start({ sizeBytes: 4 })]) {
      expect(reply.status).toBe(429);
      expect(reply.json()).toMatchObject({
        error: {
          status: 'RESOURCE_EXHAUSTED',
          details: [{ violations: [{ quotaId: 'FileStorageBytesPerProject', quotaValue: '10' }] }],
        },
      });
    }
    expect(statusOf(late)).toBe('final');
    expect((await gemini.start({ sizeBytes: 3 })).status).toBe(200);
  });
});

describe('the control plane', () => {
  it('shows uploads and how far they are, and their secret nowhere', async () => {
    const announcing = { sizeBytes: 3 * G, file: { displayName: 'a.txt', name: 'files/a' } };
    const path = await gemini.begin(announcing);
    const secret = /upload_id=([^&]+)/.exec(path)?.[1] ?? '';
    await gemini.send(path, 'upload', { offset: 0, body: Buffer.alloc(G) });
    await gemini.api('GET', '/v1beta/files?key=key-id.key-secret');
    const state = await gemini.state();
    expect(state.uploads).toMatchObject([
      {
        uploadId: `${secret.slice(0, 6)}…`,
        displayName: 'a.txt',
        id: 'a',
        mimeType: 'text/plain',
        sizeBytes: 3 * G,
        receivedBytes: G,
        granularityBytes: G,
        status: 'active',
        fileId: null,
      },
    ]);
    expect(state.requests.at(1)?.headers).toMatchObject({
      'x-goog-upload-command': 'upload',
      'x-goog-upload-offset': '0',
    });
    expect(JSON.stringify(state)).not.toContain(secret);
    expect(JSON.stringify(state)).not.toContain('key-secret');
  });

  it('forgets the oldest ended uploads beyond a thousand, never one that goes on', async () => {
    const first = await gemini.begin();
    const second = await gemini.begin();
    await gemini.send(second, 'cancel');
    for (let i = 0; i < 1_000; i++) await gemini.start();
    expect(await gemini.query(first)).toMatchObject({ http: 200, status: 'active' });
    expect(await gemini.query(second)).toMatchObject({ http: 404 });
  });
});

it('answers an internal error when its disk fails', async () => {
  await rm(join(gemini.directory, 'gemini', 'incoming'), { recursive: true });
  const reply = await gemini.start();
  expect(reply.status).toBe(500);
  expect(reply.json()).toMatchObject({ error: { status: 'INTERNAL' } });
});
