import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { S3Emulator } from '../../emulators/s3.ts';
import { createApi, form, sha256 } from '../support/create-api.ts';
import { randomText } from '../support/random-text.ts';
import { openRaw, type RawConnection } from '../support/raw-http.ts';
import { runWaybill } from '../support/run-waybill.ts';
import { type GatewayProcess, makeHome, startGateway } from '../support/start-gateway.ts';
import { startS3 } from '../support/start-s3.ts';
import { createTus } from '../support/tus.ts';
import { until } from '../support/until.ts';

const MIB = 2 ** 20;

const install = async () => {
  const { emulator, env } = await startS3();
  return { s3: emulator, env, gateway: await startGateway({ env }) };
};

const idOf = (path: string): string => path.split('/').at(-1) ?? '';

/** What is in the bucket: names of objects, and of uploads that have not ended. */
const contents = (s3: S3Emulator): readonly string[] => [
  ...s3.objects.keys(),
  ...[...s3.uploads.values()].map(({ name }) => `upload of ${name}`),
];

const expectContent = async (gateway: GatewayProcess, id: string, bytes: Buffer): Promise<void> => {
  const api = createApi(gateway);
  const whole = await api.call('GET', `/v1/files/${id}/content`);
  expect([whole.status, sha256(whole.bytes)]).toEqual([200, sha256(bytes)]);
  const headers = { range: `bytes=1000-${bytes.length - 2}` };
  const part = await api.call('GET', `/v1/files/${id}/content`, { headers });
  expect([part.status, sha256(part.bytes)]).toEqual([206, sha256(bytes.subarray(1_000, -1))]);
};

const beginPut = async (gateway: GatewayProcess, sizeBytes: number): Promise<RawConnection> => {
  const client = await openRaw(gateway.url);
  await client.send(
    `PUT /v1/files?filename=notes.txt&provider=none HTTP/1.1\r\nHost: x\r\n` +
      `Authorization: Bearer ${gateway.token}\r\nContent-Length: ${sizeBytes}\r\n\r\n`,
  );
  return client;
};

const partsThere = (s3: S3Emulator, count: number) =>
  until(`${count} parts in the bucket`, () =>
    [...s3.uploads.values()].some(({ parts }) => parts.size >= count),
  );

const bytesStaged = async ({ dataDir }: GatewayProcess): Promise<number> => {
  const incoming = join(dataDir, 'staging/incoming');
  const sizes = (await readdir(incoming)).map(async (name) => (await stat(join(incoming, name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
};

// Each has an installation of its own, and most of what they do is wait.
describe.concurrent('master copies in a bucket', () => {
  it('are there after a form, a PUT and tus, are read in ranges after a restart, and go with their files', async () => {
    const { s3, env, gateway } = await install();
    const api = createApi(gateway);
    const texts = [randomText(3_000), randomText(11 * MIB), randomText(12 * MIB)] as const;
    const sent = form(['provider', 'none'], ['file', [texts[0].toString(), 'notes.txt']]);
    const formed = await api.call('POST', '/v1/files', { body: sent });
    const put = await api.upload({ text: texts[1].toString(), query: 'provider=none' });
    expect([formed.status, put.status]).toEqual([200, 200]);
    const tus = createTus(gateway, gateway.token);
    const path = await tus.create(texts[2].length);
    for (let from = 0; from < texts[2].length; from += 7 * MIB)
      expect((await tus.patch(path, from, texts[2].subarray(from, from + 7 * MIB))).status).toBe(204);

    const ids = [formed.file().id, put.file().id, idOf(path)];
    expect(contents(s3).filter((name) => name.startsWith('blobs/'))).toHaveLength(3);
    expect(contents(s3)).toHaveLength(3);
    expect(s3.operations.filter((operation) => operation === 'UploadPart').length).toBeGreaterThanOrEqual(6);
    for (const [n, id] of ids.entries()) await expectContent(gateway, id, texts[n] ?? Buffer.alloc(0));

    // Without what the first process had staged, everything comes from the bucket.
    await gateway.stop();
    const next = await startGateway({ env, home: gateway.home });
    s3.fault({ on: 'GetObject', kind: 'cut', times: 2 });
    for (const [n, id] of ids.entries()) await expectContent(next, id, texts[n] ?? Buffer.alloc(0));
    for (const id of ids) expect((await createApi(next).call('DELETE', `/v1/files/${id}`)).status).toBe(200);
    await until('the bucket is empty', () => contents(s3).length === 0);
  });

  it('are cleared of what kill -9 cut short', async () => {
    const { s3, env, gateway } = await install();
    const client = await beginPut(gateway, 40 * MIB);
    await client.send(randomText(12 * MIB));
    await partsThere(s3, 2);
    await gateway.kill9();
    client.reset();
    expect(contents(s3)).toHaveLength(1);
    const next = await startGateway({ env, home: gateway.home });
    expect(contents(s3)).toEqual([]);
    expect(await bytesStaged(next)).toBe(0);
    expect(next.logs()).toContainEqual(expect.objectContaining({ event: 'recovered', blobs: 1 }));
  });

  it('go on after kill -9 where tus was told to have come', async () => {
    const { s3, env, gateway } = await install();
    const bytes = randomText(14 * MIB);
    const tus = createTus(gateway, gateway.token);
    const path = await tus.create(bytes.length);
    expect((await tus.patch(path, 0, bytes.subarray(0, 8 * MIB))).status).toBe(204);
    await gateway.kill9();
    const next = await startGateway({ env, home: gateway.home });
    const again = createTus(next, next.token);
    expect(await again.offset(path)).toBe(8 * MIB);
    const begun = s3.operations.filter((operation) => operation === 'CreateMultipartUpload').length;
    expect((await again.patch(path, 8 * MIB, bytes.subarray(8 * MIB))).status).toBe(204);
    await expectContent(next, idOf(path), bytes);
    expect(s3.operations.filter((operation) => operation === 'CreateMultipartUpload')).toHaveLength(begun);
    expect(contents(s3)).toHaveLength(1);
  });

  it('of an upload begun at one instance are finished at another', async () => {
    const { emulator: s3, env } = await startS3();
    const shared = { ...env, JWT_SECRET_KEY: randomText(48).toString() };
    const one = await startGateway({ env: shared });
    const database = await readFile(join(one.dataDir, 'postgres/postgres-url'), 'utf8');
    const two = await startGateway({ env: { ...shared, DATABASE_URL: database.trim() } });
    const bytes = randomText(13 * MIB);
    const [first, second] = [one, two].map((gateway) => createTus(gateway, one.token));
    const path = (await first?.create(bytes.length)) ?? '';
    expect((await first?.patch(path, 0, bytes.subarray(0, 8 * MIB)))?.status).toBe(204);
    expect(await second?.offset(path)).toBe(8 * MIB);
    expect((await second?.patch(path, 8 * MIB, bytes.subarray(8 * MIB)))?.status).toBe(204);
    for (const gateway of [one, two])
      await expectContent({ ...gateway, token: one.token }, idOf(path), bytes);
    expect(contents(s3)).toHaveLength(1);
    await two.stop();
    await one.stop();
    expect(contents(s3)).toHaveLength(1);
  });

  it('arrive when the storage is away for a moment of the upload', async () => {
    const { s3, gateway } = await install();
    const bytes = randomText(16 * MIB);
    const client = await beginPut(gateway, bytes.length);
    await client.send(bytes.subarray(0, 6 * MIB));
    await partsThere(s3, 1);
    await s3.leave();
    await client.send(bytes.subarray(6 * MIB, 15 * MIB));
    await until('what came meanwhile is staged', async () => (await bytesStaged(gateway)) >= 14 * MIB);
    await s3.comeBack();
    await client.send(bytes.subarray(15 * MIB));
    const answer = await client.answer();
    client.end();
    expect(answer.status).toBe(200);
    await expectContent(gateway, JSON.parse(answer.body).id, bytes);
    expect(contents(s3)).toHaveLength(1);
  });

  it('are refused while the storage is away or full, in words that tell nothing of it', async () => {
    const { s3, gateway } = await install();
    const api = createApi(gateway);
    s3.fault({ on: 'PutObject', kind: 'status', status: 507, code: 'InsufficientStorage', times: 20 });
    const full = await api.upload({ query: 'provider=none' });
    expect([full.status, full.error().code]).toEqual([507, 'insufficient_storage']);
    await s3.leave();
    const away = await api.upload({ query: 'provider=none' });
    expect([away.status, away.error().code]).toEqual([503, 'unavailable']);
    expect(full.bytes.toString() + away.bytes.toString()).not.toMatch(
      /127\.0\.0\.1|As the emulator|blobs\//u,
    );
    await s3.comeBack();
    expect(contents(s3)).toEqual([]);
  });
});

describe.concurrent('a start', () => {
  it.each([
    ['a bucket that is not there', { S3_BUCKET: 'elsewhere' }, 'S3_BUCKET'],
    ['credentials that are refused', { S3_ACCESS_KEY_ID: 'unknown' }, 'S3_ACCESS_KEY_ID'],
    ['an endpoint that is away', { S3_ENDPOINT: 'http://127.0.0.1:9' }, 'S3_ENDPOINT'],
    ['a missing secret', { S3_SECRET_ACCESS_KEY: '' }, 'S3_SECRET_ACCESS_KEY'],
  ])('with %s ends with a sentence that names the variable', async (_case, changes, named) => {
    const { env } = await startS3();
    const cwd = await makeHome();
    const given = { ...env, PORT: '0', DATA_DIR: join(cwd, 'data'), ...changes };
    const { exitCode, stderr } = await runWaybill(['serve'], { cwd, env: given });
    expect(exitCode).toBe(named === 'S3_SECRET_ACCESS_KEY' ? 78 : 1);
    const sentence = stderr.split('\n').filter((line) => line.includes(named));
    expect(sentence).toHaveLength(1);
    expect(stderr).not.toMatch(/\n\s+at |test-secret-access-key/u);
  });
});
