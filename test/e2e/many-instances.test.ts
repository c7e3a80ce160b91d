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
import { createTus, PIECE_TYPE, type Tus } from '../support/tus.ts';
import { until } from '../support/until.ts';

const MIB = 2 ** 20;
const SECRET = randomText(48).toString();

let s3: S3Emulator;
let providers: Providers;
/** The database ends with the first, so the others are what is stopped. */
let one: GatewayProcess;
/** This one is stopped by one test and continued. */
let two: GatewayProcess;
let three: GatewayProcess;
let startAnother: () => Promise<GatewayProcess>;
let stopOthers: () => Promise<void>;
let atOne: Tus;
let atThree: Tus;

beforeAll(async () => {
  const store = await startS3();
  s3 = store.emulator;
  providers = await startProviders();
  const env = { ...store.env, ...providers.env, JWT_SECRET_KEY: SECRET };
  one = await startGateway({ env });
  const database = await readFile(join(one.dataDir, 'postgres/postgres-url'), 'utf8');
  const others: GatewayProcess[] = [];
  startAnother = async () => {
    const another = await startGateway({ env: { ...env, DATABASE_URL: database.trim() } });
    others.push(another);
    return another;
  };
  stopOthers = async () => void (await Promise.all(others.map((other) => other.stop())));
  [two, three] = await Promise.all([startAnother(), startAnother()]);
  [atOne, atThree] = [createTus(one, one.token), createTus(three, one.token)];
}, 60_000);

afterAll(() => stopOthers());

const idOf = (path: string): string => path.split('/').at(-1) ?? '';

const fileOf = async (id: string): Promise<FileObject> =>
  (await createApi(one).call('GET', `/v1/files/${id}`)).file();

/** What the bucket has besides the master copies of files, and what growing uploads need: objects, and uploads that have not ended. */
const leftovers = async (): Promise<readonly string[]> => {
  const rows = await one.query<{ blob_key: string; name: string }>(`
    select blob_key, 'blobs/' || blob_key as name from waybill.files where purged_at is null
    union all select blob_key, blob_key from waybill.uploads
    union all select taken_from, taken_from from waybill.uploads where taken_from is not null`);
  const inBucket = [...s3.objects.keys(), ...[...s3.uploads.values()].map(({ name }) => `upload of ${name}`)];
  return inBucket.filter(
    (found) =>
      !rows.some(({ blob_key, name }) => (name === blob_key ? found.includes(name) : found === name)),
  );
};

const expectNoLeftovers = () => until('nothing is left over', async () => (await leftovers()).length === 0);

/** The file is whole at every instance. */
const expectWhole = async (path: string, bytes: Buffer): Promise<void> => {
  for (const gateway of [one, three]) {
    const content = await createApi(gateway, one.token).call('GET', `/v1/files/${idOf(path)}/content`);
    expect([content.status, sha256(content.bytes)]).toEqual([200, sha256(bytes)]);
  }
  await expectNoLeftovers();
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

const partIsThere = async (path: string): Promise<void> => {
  const name = `blobs/${await keyOf(path)}`;
  await until('a part is in the bucket', () =>
    [...s3.uploads.values()].some((upload) => upload.name === name && upload.parts.size > 0),
  );
};

const expectLocked = async (client: RawConnection): Promise<void> => {
  const { status, body } = await client.answer();
  expect([status, JSON.parse(body).error.code]).toEqual([423, 'upload_locked']);
  client.reset();
};

// They share the gateways, and most of what they do is wait.
describe.concurrent('a tus upload', () => {
  it('goes on piece by piece at one instance and the other, both of which know how far it is', async () => {
    const bytes = randomText(17 * MIB);
    const path = await atOne.create(bytes.length);
    let offset = 0;
    for (const [n, size] of [10, 6 * MIB, 1, 2 * MIB, 5 * MIB, 100_000, bytes.length].entries()) {
      const piece = bytes.subarray(offset, offset + size);
      const answer = await (n % 2 === 0 ? atOne : atThree).patch(path, offset, piece);
      offset += piece.length;
      expect([answer.status, Number(answer.headers['upload-offset'])]).toEqual([204, offset]);
      expect([await atOne.offset(path), await atThree.offset(path)]).toEqual([offset, offset]);
    }
    expect(offset).toBe(bytes.length);
    await expectWhole(path, bytes);
  });

  it('U34 takes one of two PATCHes that come to both instances at once, and its bytes once', async () => {
    const bytes = randomText(3 * MIB);
    const path = await atOne.create(bytes.length);
    let taken = 0;
    for (let offset = 0; offset < bytes.length; ) {
      const piece = bytes.subarray(offset, offset + bytes.length / 6);
      const answers = await Promise.all([atOne, atThree].map((tus) => tus.patch(path, offset, piece)));
      const statuses = answers.map(({ status }) => status).filter((status) => status !== 204);
      expect([[409], [423], [409, 423], [423, 409]]).toContainEqual(statuses);
      const before = offset;
      offset = (await atOne.offset(path)) ?? 0;
      expect(await atThree.offset(path)).toBe(offset);
      // One that has to end for the other's sake keeps what has come of it, which may be where the other is too late.
      if (statuses.length === 1) expect(offset).toBe(before + piece.length);
      taken += 2 - statuses.length;
    }
    expect(taken).toBeGreaterThan(0);
    await expectWhole(path, bytes);
  });

  it('U35 whose client comes back at another instance keeps what has come, and ends the old request', async () => {
    const bytes = randomText(9 * MIB);
    const path = await atThree.create(bytes.length);
    const old = await beginPatch(three, path, { offset: 0, length: bytes.length });
    await old.send(bytes.subarray(0, 6 * MIB));
    await until('a part is in the bucket', () =>
      [...s3.uploads.values()].some(({ parts }) => parts.size > 0),
    );
    const offset = (await atOne.offset(path)) ?? 0;
    expect(offset).toBeGreaterThanOrEqual(5 * MIB);
    await expectLocked(old);
    expect((await atOne.patch(path, offset, bytes.subarray(offset))).status).toBe(204);
    await expectWhole(path, bytes);
  });

  it('U39 is given up at one instance while another has it open', async () => {
    const path = await atThree.create(9 * MIB);
    const old = await beginPatch(three, path, { offset: 0, length: 9 * MIB });
    await old.send(randomText(6 * MIB));
    await until('a part is in the bucket', () =>
      [...s3.uploads.values()].some(({ parts }) => parts.size > 0),
    );
    expect((await atOne.call('DELETE', path)).status).toBe(204);
    await expectLocked(old);
    expect([await atOne.offset(path), await atThree.offset(path)]).toEqual([null, null]);
    await expectNoLeftovers();
  });
});

const SAVED = 5 * MIB + 1_000;

/** An upload of which `SAVED` bytes were acknowledged, whose next piece is held up within an operation of the store. */
const holdUp = async (operation: 'UploadPart' | 'PutObject' | 'CompleteMultipartUpload') => {
  const bytes = randomText(12 * MIB);
  const tus = createTus(two, one.token);
  const path = await tus.create(bytes.length);
  expect((await tus.patch(path, 0, bytes.subarray(0, SAVED))).status).toBe(204);
  const hold = s3.hold(operation, await keyOf(path));
  // The tail is saved where a piece ends that is not the last.
  const end = operation === 'PutObject' ? 11 * MIB : bytes.length;
  const client = await beginPatch(two, path, { offset: SAVED, length: end - SAVED });
  await client.send(bytes.subarray(SAVED, end));
  await hold.begun;
  return { bytes, path, hold, client };
};

/** Deliveries that are being sent: one that will never be answered, and one that is while its sender stands still. */
const beginDeliveries = async (text: string): Promise<readonly string[]> => {
  const ids = [];
  for (const [fault, more] of [
    ['stall', {}],
    ['slow-answer', { delayMs: 1_000 }],
  ] as const) {
    await providers.glm.fault(fault, { on: 'upload', ...more });
    const asked = (await providers.glm.state()).requests.length;
    const headers = { prefer: 'respond-async' };
    const body = `${fault} ${text}`;
    const answer = await createApi(two, one.token).upload({ text: body, query: 'provider=glm', headers });
    ids.push(answer.file().id);
    await until('the provider is asked', async () => (await providers.glm.state()).requests.length > asked);
  }
  return ids;
};

/** Has the leases run out that the time would have had run out by now, and another instance look. */
const takeDeliveriesOver = async (ids: readonly string[]): Promise<readonly FileObject[]> => {
  await one.query('update waybill.provider_file_uploads set claimed_until = now() where file_id = any($1)', [
    ids,
  ]);
  await startAnother();
  const processed = async () => {
    const files = await Promise.all(ids.map(fileOf));
    return files.every(({ status }) => status === 'processed') && files;
  };
  return await until('another has delivered them', processed, { deadlineMs: 40_000 });
};

describe.concurrent('an instance that stalls, and goes on when others have done its work', () => {
  it('S23 damages nothing, acknowledges nothing and delivers nothing twice, wherever it was', async () => {
    const text = randomText(1_000).toString();
    const held = await Promise.all(
      (['UploadPart', 'PutObject', 'CompleteMultipartUpload'] as const).map(holdUp),
    );
    const ids = await beginDeliveries(text);
    process.kill(two.pid, 'SIGSTOP');
    const finish = async ({ path, bytes, hold }: (typeof held)[number]): Promise<void> => {
      expect(await atOne.offset(path)).toBe(SAVED);
      expect((await atOne.patch(path, SAVED, bytes.subarray(SAVED))).status).toBe(204);
      hold.letGo();
    };
    const [delivered] = await Promise.all([takeDeliveriesOver(ids), ...held.map(finish)]).finally(() =>
      process.kill(two.pid, 'SIGCONT'),
    );
    for (const { client } of held) await expectLocked(client);
    const admin = createApi(one, await signToken({ sub: 'root', scope: 'admin' }, { secret: SECRET }));
    expect((await admin.call('POST', '/v1/passes', { json: { kind: 'cleanup' } })).status).toBe(200);
    for (const { path, bytes } of held) await expectWhole(path, bytes);

    expect(delivered.flatMap(({ deliveries }) => deliveries.map(({ status }) => status))).toEqual([
      'completed',
      'completed',
    ]);
    // Whatever it was about to record, it has by the time that it has stopped.
    expect(await two.stop()).toBe(0);
    expect(await Promise.all(ids.map(fileOf))).toEqual(delivered);
    const { files } = await providers.glm.state();
    expect(files.map((file) => file.sha256).toSorted()).toEqual(
      delivered.map((file) => file.sha256).toSorted(),
    );
  }, 90_000);
});

describe.concurrent('SIGTERM', () => {
  it('L13 hands an upload and a delivery over to those that stay', async () => {
    const leaving = await startAnother();
    const bytes = randomText(9 * MIB);
    const path = await createTus(leaving, one.token).create(bytes.length);
    const client = await beginPatch(leaving, path, { offset: 0, length: bytes.length });
    await client.send(bytes.subarray(0, 6 * MIB));
    await partIsThere(path);
    await providers.kimi.fault('stall', { on: 'upload' });
    const waiting = createApi(leaving, one.token).upload({ query: 'provider=kimi' });
    await until('the provider is asked', async () => (await providers.kimi.state()).requests.length > 0);

    const exitCode = leaving.stop();
    const cut = await client.answer();
    expect([cut.status, JSON.parse(cut.body).error.code]).toEqual([503, 'unavailable']);
    client.reset();
    const offset = (await atOne.offset(path)) ?? 0;
    expect(offset).toBeGreaterThanOrEqual(5 * MIB);
    expect((await atOne.patch(path, offset, bytes.subarray(offset))).status).toBe(204);
    await expectWhole(path, bytes);
    const { id } = (await waiting).file();
    const delivered = async () => (await fileOf(id)).status === 'processed';
    await until('another one delivers', delivered, { deadlineMs: 40_000 });
    expect(await exitCode).toBe(0);
    expect((await providers.kimi.state()).files).toHaveLength(1);
  }, 90_000);
});
