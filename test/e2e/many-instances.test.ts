import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { S3Emulator } from '../../emulators/s3.ts';
import { createApi, type FileObject, sha256 } from '../support/create-api.ts';
import { randomText } from '../support/random-text.ts';
import { openRaw, type RawConnection } from '../support/raw-http.ts';
import { signToken } from '../support/sign-token.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { type Providers, startProviders } from '../support/start-providers.ts';
import { startS3 } from '../support/start-s3.ts';
import { createTus, metadataOf, PIECE_TYPE, type Tus } from '../support/tus.ts';
import { until } from '../support/until.ts';

const MIB = 2 ** 20;
const SECRET = randomText(48).toString();

let s3: S3Emulator;
let providers: Providers;
/** The database ends with the first, so the others are what is stopped. */
let one: GatewayProcess;
let two: GatewayProcess;
let startAnother: () => Promise<GatewayProcess>;
let atOne: Tus;
let atTwo: Tus;

beforeAll(async () => {
  const store = await startS3();
  s3 = store.emulator;
  providers = await startProviders();
  const env = { ...store.env, ...providers.env, JWT_SECRET_KEY: SECRET };
  one = await startGateway({ env });
  const database = await readFile(join(one.dataDir, 'postgres/postgres-url'), 'utf8');
  startAnother = () => startGateway({ env: { ...env, DATABASE_URL: database.trim() } });
  two = await startAnother();
  [atOne, atTwo] = [createTus(one, one.token), createTus(two, one.token)];
});

afterAll(async () => {
  await two.stop();
});

const idOf = (path: string): string => path.split('/').at(-1) ?? '';

const fileOf = async (id: string): Promise<FileObject> =>
  (await createApi(one).call('GET', `/v1/files/${id}`)).file();

/** The file is whole at every instance, and the bucket has it and nothing besides. Removes it. */
const expectWhole = async (path: string, bytes: Buffer): Promise<void> => {
  for (const gateway of [one, two]) {
    const content = await createApi(gateway, one.token).call('GET', `/v1/files/${idOf(path)}/content`);
    expect([content.status, sha256(content.bytes)]).toEqual([200, sha256(bytes)]);
  }
  const [{ blob_key: key } = { blob_key: '' }] = await one.query<{ blob_key: string }>(
    'select blob_key from waybill.files where id = $1',
    [idOf(path)],
  );
  await until('the bucket has the file alone', () =>
    [...s3.objects.keys(), ...[...s3.uploads.values()].map(({ name }) => `upload of ${name}`)].every(
      (name) => name === `blobs/${key}`,
    ),
  );
  expect((await createApi(one).call('DELETE', `/v1/files/${idOf(path)}`)).status).toBe(200);
  await until('the bucket is empty', () => s3.objects.size === 0);
};

const beginPatch = async (
  gateway: GatewayProcess,
  path: string,
  { offset, length }: { offset: number; length: number },
): Promise<RawConnection> => {
  const client = await openRaw(gateway.url);
  await client.send(
    `PATCH ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${one.token}\r\nTus-Resumable: 1.0.0\r\n` +
      `Content-Type: ${PIECE_TYPE}\r\nUpload-Offset: ${offset}\r\nContent-Length: ${length}\r\n\r\n`,
  );
  return client;
};

const keyOf = async (path: string): Promise<string> => {
  const rows = await one.query<{ blob_key: string }>('select blob_key from waybill.uploads where id = $1', [
    idOf(path),
  ]);
  return rows[0]?.blob_key ?? '';
};

describe('a tus upload', () => {
  it('goes on piece by piece at one instance and the other, both of which know how far it is', async () => {
    const bytes = randomText(17 * MIB);
    const path = await atOne.create(bytes.length);
    let offset = 0;
    for (const [n, size] of [10, 6 * MIB, 1, 2 * MIB, 5 * MIB, 100_000, bytes.length].entries()) {
      const piece = bytes.subarray(offset, offset + size);
      const answer = await (n % 2 === 0 ? atOne : atTwo).patch(path, offset, piece);
      offset += piece.length;
      expect([answer.status, Number(answer.headers['upload-offset'])]).toEqual([204, offset]);
      expect([await atOne.offset(path), await atTwo.offset(path)]).toEqual([offset, offset]);
    }
    expect(offset).toBe(bytes.length);
    await expectWhole(path, bytes);
  });

  it('U34 takes one of two PATCHes that come to both instances at once, and its bytes once', async () => {
    const bytes = randomText(3 * MIB);
    const path = await atOne.create(bytes.length);
    const step = bytes.length / 6;
    for (let offset = 0; offset < bytes.length; offset += step) {
      const piece = bytes.subarray(offset, offset + step);
      const answers = await Promise.all([atOne, atTwo].map((tus) => tus.patch(path, offset, piece)));
      const statuses = answers.map(({ status }) => status).toSorted();
      expect([
        [204, 409],
        [204, 423],
      ]).toContainEqual(statuses);
      expect([await atOne.offset(path), await atTwo.offset(path)]).toEqual([offset + step, offset + step]);
    }
    await expectWhole(path, bytes);
  });

  it('U35 whose client comes back at another instance keeps what has come, and ends the old request', async () => {
    const bytes = randomText(9 * MIB);
    const path = await atTwo.create(bytes.length);
    const old = await beginPatch(two, path, { offset: 0, length: bytes.length });
    await old.send(bytes.subarray(0, 6 * MIB));
    await until('a part is in the bucket', () =>
      [...s3.uploads.values()].some(({ parts }) => parts.size > 0),
    );
    expect(await atOne.offset(path)).toBe(6 * MIB);
    const ended = await old.answer();
    expect([ended.status, JSON.parse(ended.body).error.code]).toEqual([423, 'upload_locked']);
    old.reset();
    expect((await atOne.patch(path, 6 * MIB, bytes.subarray(6 * MIB))).status).toBe(204);
    await expectWhole(path, bytes);
  });

  it('U39 is given up at one instance while another has it open', async () => {
    const path = await atTwo.create(9 * MIB);
    const old = await beginPatch(two, path, { offset: 0, length: 9 * MIB });
    await old.send(randomText(6 * MIB));
    await until('a part is in the bucket', () =>
      [...s3.uploads.values()].some(({ parts }) => parts.size > 0),
    );
    expect((await atOne.call('DELETE', path)).status).toBe(204);
    expect((await old.answer()).status).toBe(423);
    old.reset();
    expect([await atOne.offset(path), await atTwo.offset(path)]).toEqual([null, null]);
    await until('nothing of it is left', () => s3.objects.size + s3.uploads.size === 0);
  });
});

describe('an instance that stalls, and goes on when another has finished its uploads', () => {
  it('damages nothing and acknowledges nothing, wherever it was', async () => {
    const bytes = randomText(12 * MIB);
    const saved = 5 * MIB + 1_000;
    const stalled = await Promise.all(
      (['UploadPart', 'PutObject', 'CompleteMultipartUpload'] as const).map(async (operation) => {
        const path = await atTwo.create(bytes.length);
        expect((await atTwo.patch(path, 0, bytes.subarray(0, saved))).status).toBe(204);
        const hold = s3.hold(operation, await keyOf(path));
        // The tail is saved where a piece ends that is not the last.
        const end = operation === 'PutObject' ? 11 * MIB : bytes.length;
        const client = await beginPatch(two, path, { offset: saved, length: end - saved });
        await client.send(bytes.subarray(saved, end));
        await hold.begun;
        return { path, hold, client };
      }),
    );
    process.kill(two.pid, 'SIGSTOP');
    try {
      await Promise.all(
        stalled.map(async ({ path }) => {
          expect(await atOne.offset(path)).toBe(saved);
          expect((await atOne.patch(path, saved, bytes.subarray(saved))).status).toBe(204);
        }),
      );
      for (const { hold } of stalled) hold.letGo();
    } finally {
      process.kill(two.pid, 'SIGCONT');
    }
    for (const { client } of stalled) {
      const { status, body } = await client.answer();
      expect([status, JSON.parse(body).error.code]).toEqual([423, 'upload_locked']);
      client.reset();
    }
    const admin = createApi(one, await signToken({ sub: 'root', scope: 'admin' }, { secret: SECRET }));
    expect((await admin.call('POST', '/v1/passes', { json: { kind: 'cleanup' } })).status).toBe(200);
    await until('nothing is left besides the files', () => s3.objects.size === 3 && s3.uploads.size === 0);
    for (const { path } of stalled) {
      const file = await fileOf(idOf(path));
      expect([file.bytes, file.sha256]).toEqual([bytes.length, sha256(bytes)]);
      expect(await atTwo.offset(path)).toBe(bytes.length);
      expect((await createApi(two, one.token).call('DELETE', `/v1/files/${idOf(path)}`)).status).toBe(200);
    }
    await until('the bucket is empty', () => s3.objects.size === 0);
  });
});

describe('a delivery whose lease ran out while its sender stood still', () => {
  it('is completed by another, once, and the late sender changes nothing of it', async () => {
    const text = randomText(50_000).toString();
    // One that will never be answered, and one that is, before its sender goes on.
    await providers.kimi.fault('stall', { on: 'upload' });
    await providers.glm.fault('slow-answer', { on: 'upload', delayMs: 600 });
    const api = createApi(two, one.token);
    const headers = { prefer: 'respond-async' };
    const { id } = (await api.upload({ text, query: 'provider=kimi,glm', headers })).file();
    for (const { state } of [providers.kimi, providers.glm])
      await until('the provider is asked', async () => (await state()).requests.length > 0);
    process.kill(two.pid, 'SIGSTOP');
    let ended: FileObject;
    try {
      await one.query(`update waybill.provider_file_uploads set claimed_until = now() where file_id = $1`, [
        id,
      ]);
      const three = await startAnother();
      ended = await until(
        'another has delivered it',
        async () => {
          const file = await fileOf(id);
          return file.status === 'processed' && file;
        },
        { deadlineMs: 40_000 },
      );
      await three.stop();
    } finally {
      process.kill(two.pid, 'SIGCONT');
    }
    expect(ended.deliveries?.map(({ status }) => status)).toEqual(['completed', 'completed']);
    // Whatever it was about to record, it has by the time that it has stopped.
    expect(await two.stop()).toBe(0);
    expect(await fileOf(id)).toEqual(ended);
    for (const { state } of [providers.kimi, providers.glm])
      expect((await state()).files.map((held) => held.sha256)).toEqual([sha256(text)]);
    two = await startAnother();
    atTwo = createTus(two, one.token);
  }, 60_000);
});

describe('SIGTERM', () => {
  it('L13 hands an upload and a delivery over to the instance that stays', async () => {
    const bytes = randomText(9 * MIB);
    const path = await atTwo.create(bytes.length, {
      'upload-metadata': metadataOf({ filename: 'notes.txt', provider: 'none' }),
    });
    const client = await beginPatch(two, path, { offset: 0, length: bytes.length });
    await client.send(bytes.subarray(0, 6 * MIB));
    await until('a part is in the bucket', () =>
      [...s3.uploads.values()].some(({ parts }) => parts.size > 0),
    );
    const asked = (await providers.kimi.state()).requests.length;
    await providers.kimi.fault('stall', { on: 'upload' });
    const text = randomText(1_000).toString();
    const waiting = createApi(two, one.token).upload({ text, query: 'provider=kimi' });
    await until('the provider is asked', async () => (await providers.kimi.state()).requests.length > asked);

    const exitCode = two.stop();
    const cut = await client.answer();
    expect([cut.status, JSON.parse(cut.body).error.code]).toEqual([503, 'unavailable']);
    client.reset();
    expect(await atOne.offset(path)).toBe(6 * MIB);
    expect((await atOne.patch(path, 6 * MIB, bytes.subarray(6 * MIB))).status).toBe(204);
    const delivered = (await waiting).file();
    await until('the other one delivers', async () => (await fileOf(delivered.id)).status === 'processed', {
      deadlineMs: 40_000,
    });
    expect(await exitCode).toBe(0);
    const { files } = await providers.kimi.state();
    expect(files.filter((held) => held.sha256 === sha256(text))).toHaveLength(1);
    const content = await createApi(one).call('GET', `/v1/files/${idOf(path)}/content`);
    expect(sha256(content.bytes)).toBe(sha256(bytes));
  }, 60_000);
});
