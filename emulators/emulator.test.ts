import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { access, appendFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startGlmEmulator } from './glm.ts';
import { startKimiEmulator } from './kimi.ts';
import { API_KEY, type EmulatorClient, multipart, startClient } from './testing/emulator-client.ts';

let kimi: EmulatorClient;

beforeEach(async () => {
  kimi = await startClient(startKimiEmulator, {});
});
afterEach(() => kimi.close());

const open = async (text: string): Promise<Socket> => {
  const socket = connect(Number(new URL(kimi.emulator.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(text);
  return socket;
};
const head = (...headers: string[]): string =>
  [
    'POST /v1/files HTTP/1.1',
    'host: x',
    `authorization: Bearer ${API_KEY}`,
    'content-type: multipart/form-data; boundary=b',
    ...headers,
    '\r\n',
  ].join('\r\n');
const leftovers = (): Promise<string[]> => readdir(join(kimi.directory, 'kimi', 'incoming'));
const PART = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nsome words';

describe('an emulator started again in the same directory', () => {
  it('still has its files, their order, and what was deleted', async () => {
    const kept = (await kimi.upload({ text: 'kept' })).json();
    const gone = (await kimi.upload({ text: 'gone' })).json();
    const newest = (await kimi.upload({ text: 'newest' })).json();
    await kimi.api('DELETE', `/files/${gone.id}`);
    const before = await kimi.state();
    await kimi.emulator.close();
    const again = await startClient(startKimiEmulator, { directory: kimi.directory });
    const after = await again.state();
    expect({ files: after.files, deleted: after.deleted }).toEqual({
      files: before.files,
      deleted: [gone.id],
    });
    expect(after.files.map(({ id }) => id)).toEqual([newest.id, kept.id]);
    expect((await again.control('GET', `/files/${kept.id}/bytes`)).text).toBe('kept');
    const later = (await again.upload()).json();
    expect((await again.state()).files[0]?.id).toBe(later.id);
    await again.emulator.close();
  });

  it('survives a torn index line and clears what an interrupted upload left', async () => {
    const { id } = (await kimi.upload()).json();
    await kimi.emulator.close();
    const shelf = join(kimi.directory, 'kimi');
    await appendFile(join(shelf, 'index.jsonl'), '{"kept":{"id":"to');
    await writeFile(join(shelf, 'files', 'unindexed'), 'x');
    await mkdir(join(shelf, 'incoming'), { recursive: true });
    await writeFile(join(shelf, 'incoming', 'half'), 'x');
    for (let i = 0; i < 2; i++) {
      const again = await startClient(startKimiEmulator, { directory: kimi.directory });
      expect((await again.state()).files.map((file) => file.id)).toEqual([id]);
      await again.emulator.close();
    }
    expect(await readdir(join(shelf, 'files'))).toEqual([id]);
    expect(await leftovers()).toEqual([]);
  });

  it('does not mix with another provider in that directory', async () => {
    await kimi.upload();
    const glm = await startClient(startGlmEmulator, { directory: kimi.directory });
    expect((await glm.state()).files).toEqual([]);
    await glm.emulator.close();
  });
});

describe('an upload', () => {
  it('of 30 MB arrives whole', async () => {
    const text = Buffer.alloc(30 * 2 ** 20, 'Bytes that tell places apart. ');
    const { id } = (await kimi.upload({ text })).json();
    const sha256 = createHash('sha256').update(text).digest('hex');
    expect((await kimi.state()).files).toMatchObject([{ id, bytes: text.length, sha256 }]);
    expect((await kimi.control('GET', `/files/${id}/bytes`)).bytes.equals(text)).toBe(true);
  });

  it('without Content-Length is taken, and the record shows how it came', async () => {
    expect((await kimi.upload({}, { chunked: true })).status).toBe(200);
    expect((await kimi.state()).requests[0]?.headers).toMatchObject({ 'transfer-encoding': 'chunked' });
  });

  const { headers, body } = multipart({});
  const truncated = body.subarray(0, -20);
  const fieldOnly = multipart({ text: '' }).body.toString().split('--test-boundary-7d1f\r\n').slice(0, 2);
  it.each([
    ['is not multipart', { 'content-type': 'application/json' }, '{}'],
    ['has no content type', {}, 'x'],
    ['names no boundary', { 'content-type': 'multipart/form-data' }, body],
    ['has no file part', headers, `${fieldOnly.join('--test-boundary-7d1f\r\n')}--test-boundary-7d1f--\r\n`],
    ['ends before its last boundary', headers, truncated],
    ['ends in the head of a part', headers, body.subarray(0, 40)],
    ['is empty', headers, ''],
    ['has another boundary than it says', { 'content-type': 'multipart/form-data; boundary=other' }, body],
  ])('that %s is a 400 and leaves nothing', async (_, own, sent) => {
    const reply = await kimi.api('POST', '/files', { headers: own, body: sent });
    expect(reply.status).toBe(400);
    expect(reply.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
    expect((await kimi.state()).files).toEqual([]);
    expect(await leftovers()).toEqual([]);
  });

  it('whose only file is in a part of another name is a 400', async () => {
    const renamed = Buffer.from(body.toString().replace('name="file"', 'name="document"'));
    const reply = await kimi.api('POST', '/files', { headers, body: renamed });
    expect(reply.status).toBe(400);
    expect(reply.text).toContain('file is required');
    expect(await leftovers()).toEqual([]);
  });

  it('broken early is still read to its end before the 400', async () => {
    const sent = Buffer.concat([Buffer.from('no boundary here\r\n'), Buffer.alloc(3_000_000, 'x')]);
    const reply = await kimi.api('POST', '/files', { headers, body: sent });
    expect(reply.status).toBe(400);
    expect((await kimi.state()).requests[0]?.bytesReceived).toBe(sent.length);
  });

  it('whose client hangs up half way leaves nothing', async () => {
    const socket = await open(`${head('content-length: 100000')}${PART}`);
    await kimi.stateWhen(({ requests }) => (requests[0]?.bytesReceived ?? 0) >= PART.length);
    socket.destroy();
    await expect.poll(leftovers, { timeout: 5_000 }).toEqual([]);
    expect(await kimi.state()).toMatchObject({ files: [], requests: [{ status: null }] });
  });

  it('that expects 100-continue is asked to go on', async () => {
    const socket = await open(head('content-length: 10', 'expect: 100-continue'));
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1.1 100 Continue/);
    socket.destroy();
  });
});

describe('the control plane', () => {
  it('records requests without the key, and not its own', async () => {
    await kimi.upload();
    await kimi.api('GET', '/files?x=1');
    const { requests } = await kimi.state();
    expect(requests).toMatchObject([
      { method: 'POST', path: '/v1/files', status: 200, fileId: expect.stringMatching(/^[a-z0-9]{20}$/) },
      { method: 'GET', path: '/v1/files?x=1', status: 200, fileId: null },
    ]);
    expect(requests[0]?.headers['content-length']).toBe(String(requests[0]?.bytesReceived));
    expect(JSON.stringify(requests)).not.toContain('key-secret');
  });

  it('remembers the last 1,000 requests', async () => {
    for (let i = 0; i < 1_003; i++) await kimi.api('GET', `/files?i=${i}`);
    const { requests } = await kimi.state();
    expect(requests).toHaveLength(1_000);
    expect(requests.at(0)?.path).toBe('/v1/files?i=3');
    expect(requests.at(-1)?.path).toBe('/v1/files?i=1002');
  });

  it('seeds a file of someone else and makes one vanish, which is no deletion of ours', async () => {
    const seeded = await kimi.control('POST', '/files', {
      filename: 'theirs.txt',
      text: 'theirs',
      purpose: 'file-extract',
      createdAt: 1_700_000_000,
    });
    const { id } = seeded.json();
    expect(seeded.status).toBe(201);
    expect((await kimi.api('GET', `/files/${id}`)).json()).toMatchObject({
      bytes: 6,
      created_at: 1_700_000_000,
    });
    expect((await kimi.control('DELETE', `/files/${id}`)).status).toBe(200);
    expect((await kimi.api('GET', `/files/${id}`)).status).toBe(404);
    expect(await kimi.state()).toMatchObject({ files: [], deleted: [] });
    expect((await kimi.control('DELETE', `/files/${id}`)).status).toBe(404);
    expect((await kimi.control('GET', `/files/${id}/bytes`)).status).toBe(404);
  });

  it('shows faults waiting and forgets them when told', async () => {
    await kimi.fault('status', { status: 503, times: 4 });
    expect((await kimi.state()).faults).toMatchObject([{ fault: 'status', on: 'upload', times: 4 }]);
    await kimi.control('DELETE', '/faults');
    expect((await kimi.state()).faults).toEqual([]);
  });

  it.each([
    ['POST', '/faults', { fault: 'nonsense' }, 'nonsense'],
    ['POST', '/faults', { fault: 'drip', bytesPerSecond: 'x' }, 'bytesPerSecond'],
    ['PUT', '/variants', { status: 'perhaps' }, 'status'],
    ['PUT', '/variants', { colour: 'red' }, 'colour'],
    ['PUT', '/variants', { purposes: 'one' }, 'purposes'],
    ['PUT', '/variants', [], 'object'],
    ['POST', '/files', { filename: 'a.txt', purpose: 'x' }, 'text'],
    ['POST', '/files', 7, 'object'],
  ] as const)('answers %s %s of %j with a 400 that names it', async (method, path, body, named) => {
    const reply = await kimi.control(method, path, body);
    expect(reply.status).toBe(400);
    expect(reply.json()).toMatchObject({ error: { message: expect.stringContaining(named) } });
  });

  it('answers 400 to what is not JSON, and 404 to what it does not have', async () => {
    expect((await kimi.control('POST', '/faults')).status).toBe(400);
    expect((await kimi.control('GET', '/nothing')).status).toBe(404);
  });

  it('changes no variant when one of several is wrong', async () => {
    await kimi.control('PUT', '/variants', { status: 'ok', colour: 'red' });
    expect((await kimi.state()).variants).toMatchObject({ status: 'ready' });
  });
});

describe('an emulator', () => {
  it('refuses to start with a variant it does not know', async () => {
    const variants = { status: 'perhaps' } as never;
    await expect(startKimiEmulator({ directory: kimi.directory, apiKey: 'k', variants })).rejects.toThrow(
      /"status" must be one of ready, ok, processed/,
    );
  });

  it('refuses to start on a port that is taken', async () => {
    const port = Number(new URL(kimi.emulator.url).port);
    const starting = startGlmEmulator({ directory: kimi.directory, apiKey: 'k', port });
    await expect(starting).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('closes with idle, stalled and half sent requests open, and lets the port go', async () => {
    await kimi.fault('stall', { on: 'list' });
    const stalled = kimi.api('GET', '/files').catch((error: Error) => error);
    const idle = await open('');
    await open(`${head('content-length: 100000')}${PART}`);
    await kimi.stateWhen(({ requests }) => requests.length === 2);
    await kimi.emulator.close();
    expect(await stalled).toBeInstanceOf(Error);
    if (!idle.closed) await once(idle, 'close');
    const port = Number(new URL(kimi.emulator.url).port);
    const again = await startClient(startKimiEmulator, { directory: kimi.directory, port });
    expect(again.emulator.url).toBe(kimi.emulator.url);
    await again.emulator.close();
  });

  it('answers an error of the provider when its disk fails, and goes on', async () => {
    const { id } = (await kimi.upload()).json();
    await rm(join(kimi.directory, 'kimi', 'incoming'), { recursive: true });
    const reply = await kimi.upload({ text: Buffer.alloc(3_000_000, 'ab') });
    expect(reply.status).toBe(500);
    expect(reply.json()).toMatchObject({ error: { type: 'server_error' } });
    expect((await kimi.state()).files.map((file) => file.id)).toEqual([id]);
    await expect(access(join(kimi.directory, 'kimi', 'files', String(id)))).resolves.toBeUndefined();
  });

  it('lists nothing that it could not put away', async () => {
    await rm(join(kimi.directory, 'kimi', 'files'), { recursive: true });
    expect((await kimi.upload()).status).toBe(500);
    expect((await kimi.state()).files).toEqual([]);
    expect(await leftovers()).toEqual([]);
  });

  it('takes an id that is no valid escape for what it is', async () => {
    expect((await kimi.api('GET', '/files/%zz')).json()).toMatchObject({
      error: { type: 'resource_not_found_error' },
    });
  });
});
