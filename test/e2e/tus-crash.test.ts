import { createHash, randomBytes, randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createApi, sha256 } from '../support/create-api.ts';
import { blobSizes } from '../support/look-at-blobs.ts';
import { startMortalGateway } from '../support/mortal-gateway.ts';
import { randomText } from '../support/random-text.ts';
import { openRaw } from '../support/raw-http.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { createTus, PIECE_TYPE } from '../support/tus.ts';
import { until } from '../support/until.ts';

const MIB = 2 ** 20;
const KILLS = 3;
const PIECE_BYTES = 1_200_000;
const TAKES_ALL = process.env.DEATHS === 'all';
const SPREAD_POINTS = 6;
const WHOLE_DEADLINE_MS = 1_800_000;

const idOf = (path: string): string => path.split('/').at(-1) ?? '';
const restart = async (gateway: GatewayProcess): Promise<GatewayProcess> => {
  await gateway.kill9();
  return startGateway({ home: gateway.home });
};

const openPatch = async (
  gateway: GatewayProcess,
  path: string,
  { offset, length, headers = '' }: { offset: number; length: number; headers?: string },
) => {
  const client = await openRaw(gateway.url);
  await client.send(
    `PATCH ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${gateway.token}\r\nTus-Resumable: 1.0.0\r\n` +
      `Content-Type: ${PIECE_TYPE}\r\nUpload-Offset: ${offset}\r\nContent-Length: ${length}\r\n${headers}\r\n`,
  );
  return client;
};

const expectWhole = async (gateway: GatewayProcess, path: string, bytes: Buffer): Promise<void> => {
  const file = (await createApi(gateway).call('GET', `/v1/files/${idOf(path)}`)).file();
  expect([file.bytes, file.sha256]).toEqual([bytes.length, sha256(bytes)]);
  const content = await createApi(gateway).call('GET', `/v1/files/${idOf(path)}/content`);
  expect(sha256(content.bytes)).toBe(sha256(bytes));
  expect(await gateway.query('select id from waybill.uploads')).toEqual([]);
  expect(await blobSizes(gateway.dataDir)).toEqual([bytes.length]);
};

/** Sends as a client does that knows how far it has come only from answers. Rejects when the gateway dies. */
const sendRest = async (gateway: GatewayProcess, path: string, bytes: Buffer): Promise<void> => {
  const tus = createTus(gateway, gateway.token);
  for (let offset = (await tus.offset(path)) ?? 0; offset < bytes.length; ) {
    const piece = bytes.subarray(offset, offset + PIECE_BYTES);
    const digest = createHash('sha256').update(piece).digest('base64');
    // Each way of taking a piece has its turn.
    const headers: Record<string, string> =
      offset === PIECE_BYTES ? { 'upload-checksum': `sha256 ${digest}` } : {};
    const answer = await tus.patch(path, offset, piece, headers);
    expect(answer.status).toBe(204);
    offset = Number(answer.headers['upload-offset']);
  }
};

describe('a death at any point of an upload in pieces', () => {
  it(
    'leaves it to be gone on with, to the same file',
    async () => {
      const bytes = randomText(3 * PIECE_BYTES + 1_000);
      const all = await points(0, bytes);
      const chosen = TAKES_ALL
        ? all.map((_, index) => index + 1)
        : Array.from({ length: SPREAD_POINTS }, (_, n) => 1 + Math.floor((n * all.length) / SPREAD_POINTS));
      expect(all.length).toBeGreaterThan(SPREAD_POINTS);
      for (const point of chosen) await points(point, bytes);
    },
    WHOLE_DEADLINE_MS,
  );
});

/** One upload by a gateway that dies at a point, gone on with by the next. Answers with the points that were passed. */
const points = async (point: number, bytes: Buffer): Promise<readonly string[]> => {
  const gateway = await startMortalGateway(point, {});
  const path = await createTus(gateway, gateway.token).create(bytes.length);
  await gateway.arm();
  const failure = await sendRest(gateway, path, bytes).catch((error: unknown) => error);
  const passed = await gateway.points();
  // What goes on besides makes a few points more or less, so that the last may not be reached.
  if (point === 0 || passed.length < point) {
    expect([failure, Math.max(point - passed.length, 0)]).toEqual([undefined, expect.closeTo(0, -1)]);
    await expectWhole(gateway, path, bytes);
    await gateway.stop();
    return passed;
  }
  await until('it has died', () => gateway.hasEnded());
  const next = await startGateway({ home: gateway.home });
  await sendRest(next, path, bytes);
  await expectWhole(next, path, bytes);
  await next.stop();
  return passed;
};

// Each has an installation of its own, and most of what they do is wait.
describe.concurrent('a gateway that is killed', () => {
  it('U36 within a PATCH, at random points, loses at most a mebibyte of what came', async () => {
    let gateway = await startGateway();
    const bytes = randomText(24 * MIB);
    const path = await createTus(gateway, gateway.token).create(bytes.length);
    let offset = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const client = await openPatch(gateway, path, { offset, length: bytes.length - offset });
      const sentTo = offset + randomInt(1, Math.floor((bytes.length - offset) / 2));
      await client.send(bytes.subarray(offset, sentTo));
      // What is still on its way to it was not taken by anybody.
      await until(
        'it has taken what was sent',
        async () => Math.max(...(await blobSizes(gateway.dataDir)), 0) > sentTo - MIB,
      );
      gateway = await restart(gateway);
      client.reset();
      const kept = (await createTus(gateway, gateway.token).offset(path)) ?? -1;
      expect(kept).toBeGreaterThanOrEqual(sentTo - MIB);
      expect(kept).toBeLessThanOrEqual(sentTo);
      expect(kept).toBeGreaterThanOrEqual(offset);
      offset = kept;
    }
    const tus = createTus(gateway, gateway.token);
    expect((await tus.patch(path, offset, bytes.subarray(offset))).status).toBe(204);
    await expectWhole(gateway, path, bytes);
  });

  it('between PATCHes loses nothing that it answered for', async () => {
    let gateway = await startGateway();
    const bytes = randomText(3 * MIB + 17);
    const path = await createTus(gateway, gateway.token).create(null);
    for (const [from, to] of [
      [0, 1],
      [1, MIB + 5],
      [MIB + 5, bytes.length],
    ] as const) {
      const tus = createTus(gateway, gateway.token);
      expect(await tus.offset(path)).toBe(from);
      const length = { 'upload-length': String(bytes.length) };
      expect((await tus.patch(path, from, bytes.subarray(from, to), length)).status).toBe(204);
      gateway = await restart(gateway);
    }
    await expectWhole(gateway, path, bytes);
  });

  it('within a PATCH that has a checksum drops that PATCH, and nothing else', async () => {
    let gateway = await startGateway();
    const bytes = randomText(6 * MIB);
    const before = createTus(gateway, gateway.token);
    const path = await before.create(bytes.length);
    await before.patch(path, 0, bytes.subarray(0, 1_000));
    const headers = `Upload-Checksum: sha1 ${randomBytes(20).toString('base64')}\r\n`;
    const client = await openPatch(gateway, path, { offset: 1_000, length: bytes.length - 1_000, headers });
    await client.send(bytes.subarray(1_000, 4 * MIB));
    await until('it has taken some', async () => Math.max(...(await blobSizes(gateway.dataDir))) > MIB);
    gateway = await restart(gateway);
    client.reset();
    const tus = createTus(gateway, gateway.token);
    expect(await tus.offset(path)).toBe(1_000);
    expect((await tus.patch(path, 1_000, bytes.subarray(1_000))).status).toBe(204);
    await expectWhole(gateway, path, bytes);
  });

  it('before an upload was begun with leaves it to be begun with, and given up', async () => {
    let gateway = await startGateway();
    const path = await createTus(gateway, gateway.token).create(5);
    gateway = await restart(gateway);
    const tus = createTus(gateway, gateway.token);
    expect(await tus.offset(path)).toBe(0);
    expect((await tus.patch(path, 0, 'Wor')).status).toBe(204);
    gateway = await restart(gateway);
    const later = createTus(gateway, gateway.token);
    expect((await later.call('DELETE', path)).status).toBe(204);
    expect(await blobSizes(gateway.dataDir)).toEqual([]);
  });

  it('is told to stop, and keeps what has come', async () => {
    let gateway = await startGateway();
    const bytes = randomText(2 * MIB);
    const path = await createTus(gateway, gateway.token).create(bytes.length);
    const client = await openPatch(gateway, path, { offset: 0, length: bytes.length });
    await client.send(bytes.subarray(0, 1_500_000));
    await until('it has begun', async () => (await blobSizes(gateway.dataDir)).some((size) => size >= MIB));
    const exitCode = gateway.stop();
    const answer = await client.answer();
    expect([answer.status, JSON.parse(answer.body).error.code]).toEqual([503, 'unavailable']);
    expect(await exitCode).toBe(0);
    client.reset();
    gateway = await startGateway({ home: gateway.home });
    const tus = createTus(gateway, gateway.token);
    expect(await tus.offset(path)).toBe(1_500_000);
    expect((await tus.patch(path, 1_500_000, bytes.subarray(1_500_000))).status).toBe(204);
    await expectWhole(gateway, path, bytes);
  });
});
