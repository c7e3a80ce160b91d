import { readdirSync, readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import { beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createApi } from '../support/create-api.ts';
import { blobSizes } from '../support/look-at-blobs.ts';
import { openRaw, type RawConnection } from '../support/raw-http.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { createTus, PIECE_TYPE } from '../support/tus.ts';
import { until } from '../support/until.ts';

const MIB = 2 ** 20;
const BOUNDARY = 'slow-clients-91c4';

let gateway: GatewayProcess;

beforeAll(async () => {
  gateway = await startGateway({ env: { RATE_LIMIT_PER_MINUTE: '0' } });
});

const head = (line: string, ...headers: readonly string[]): string =>
  [`${line} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${gateway.token}`, ...headers, '\r\n'].join('\r\n');
const memoryKib = (): number =>
  Number(/^VmRSS:\s+(\d+) kB/mu.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]);
const descriptors = (): number => readdirSync(`/proc/${gateway.pid}/fd`).length;

describe.concurrent('a body that comes a byte a second', () => {
  const drip = async (head: string, start: string): Promise<RawConnection> => {
    const client = await openRaw(gateway.url);
    await client.send(head + start);
    const dripping = setInterval(() => void client.send('x'), 1_000);
    const isRefused = () => client.received().includes('request_timeout');
    await until('it is refused', isRefused, { deadlineMs: 45_000 }).finally(() => clearInterval(dripping));
    expect(client.received()).toMatch(/^HTTP\/1\.1 408 /u);
    await client.closed();
    return client;
  };

  it('L02 is refused as a raw body and as a form, and nothing of it stays', async () => {
    const form = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n`;
    await Promise.all([
      drip(head('PUT /v1/files?filename=a.txt', 'Content-Length: 5007'), 'half'),
      drip(
        head(
          'POST /v1/files',
          `Content-Type: multipart/form-data; boundary=${BOUNDARY}`,
          'Content-Length: 5007',
        ),
        form,
      ),
      drip(
        head('POST /v1/files/file-1/deliveries', 'Content-Type: application/json', 'Content-Length: 5007'),
        '{"provider":"',
      ),
    ]);
    const kept = await gateway.query("select bytes from waybill.files where filename = 'a.txt'");
    expect(kept).toEqual([]);
  });

  it('L02 is refused as a piece of tus, whose bytes stay to be gone on with', async () => {
    const tus = createTus(gateway, gateway.token);
    const path = await tus.create(5_000);
    const headers = [`Content-Type: ${PIECE_TYPE}`, 'Tus-Resumable: 1.0.0', 'Upload-Offset: 0'];
    await drip(head(`PATCH ${path}`, ...headers, 'Content-Length: 5000'), 'half');
    const kept = await until('the bytes are kept', async () => (await tus.offset(path)) ?? false);
    expect(kept).toBeGreaterThanOrEqual(4);
    expect((await tus.patch(path, kept, Buffer.alloc(5_000 - kept, 'y'))).status).toBe(204);
  });
});

describe.skipIf(process.platform !== 'linux')('a reader that is slow', () => {
  it('L03 is read ahead of by no more than buffers of a fixed size', async () => {
    const api = createApi(gateway);
    const { id } = (
      await api.call('PUT', '/v1/files?filename=a.bin.txt&provider=none', {
        body: Buffer.alloc(48 * MIB, 'a'),
      })
    ).file();
    const readers = await Promise.all(Array.from({ length: 20 }, () => openRaw(gateway.url)));
    const beforeKib = memoryKib();
    for (const reader of readers) {
      reader.pause();
      await reader.send(head(`GET /v1/files/${id}/content`));
    }
    for (let n = 0; n < 20; n += 1) expect((await api.call('GET', '/v1/files')).status).toBe(200);
    // Read whole they would be 960 MB.
    expect(memoryKib() - beforeKib).toBeLessThan(200 * 1_024);
    for (const reader of readers) reader.reset();
  });
});

describe.skipIf(process.platform !== 'linux')('very many files', () => {
  const agent = new Agent({ connections: 16 });
  const put = async (name: string, body: Buffer): Promise<number> => {
    const answer = await request(`${gateway.url}/v1/files?filename=${name}&provider=none`, {
      method: 'PUT',
      dispatcher: agent,
      headers: { authorization: `Bearer ${gateway.token}` },
      body,
    });
    await answer.body.dump();
    return answer.statusCode;
  };

  it('L07 a thousand small ones leave no descriptor, no row and no blob too many', async () => {
    await put('first.txt', Buffer.from('first'));
    const before = { descriptors: descriptors(), blobs: (await blobSizes(gateway.dataDir)).length };
    let next = 0;
    const work = async (): Promise<void> => {
      for (let n = next++; n < 1_000; n = next++)
        expect(await put(`f${n}.txt`, Buffer.alloc(1_024, `words ${n} `))).toBe(200);
    };
    await Promise.all(Array.from({ length: 16 }, work));
    expect((await blobSizes(gateway.dataDir)).length).toBe(before.blobs + 1_000);
    await until('descriptors are given back', () => descriptors() <= before.descriptors + 40);
    const [row] = await gateway.query<{ n: number }>(
      `select count(*)::int as n from waybill.files where filename ~ '^f[0-9]+[.]txt$'`,
    );
    expect(row?.n).toBe(1_000);
  });

  it('L08 L12 twelve large ones at once are not held in memory, and do not hold up others', async () => {
    const bodies = Array.from({ length: 12 }, (_, n) => Buffer.alloc(40 * MIB, `words ${n} `));
    const beforeKib = memoryKib();
    let most = 0;
    let isDone = false;
    const delays: number[] = [];
    const watch = async (): Promise<void> => {
      while (!isDone) {
        const began = performance.now();
        await (await request(`${gateway.url}/livez`)).body.dump();
        delays.push(performance.now() - began);
        most = Math.max(most, memoryKib());
      }
    };
    const watching = watch();
    const beganAt = performance.now();
    const statuses = await Promise.all(bodies.map((body, n) => put(`large${n}.txt`, body)));
    const tookMs = performance.now() - beganAt;
    isDone = true;
    await watching;
    expect(statuses).toEqual(Array(12).fill(200));
    expect(most - beforeKib).toBeLessThan(300 * 1_024);
    // Whoever asks for little is not made to wait for those who send much.
    expect(Math.max(...delays)).toBeLessThan(tookMs / 2);
  });
});

describe('what comes over a WebSocket', () => {
  const open = async (): Promise<{ socket: WebSocket; code(): number | null }> => {
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/v1/events`, {
      headers: { authorization: `Bearer ${gateway.token}` },
    });
    let code: number | null = null;
    socket.on('error', () => undefined).on('close', (told) => (code = told));
    await until('it is open', () => socket.readyState === WebSocket.OPEN);
    return { socket, code: () => code };
  };

  it('U46 in fragments without end is cut at the limit', async () => {
    const { socket, code } = await open();
    for (let n = 0; n < 5_000; n += 1) socket.send('x', { fin: false });
    await until('it is closed', () => code() !== null);
    expect([1006, 1008, 1009]).toContain(code());
  });

  it('U46 announced as a frame of 200 MB is refused before it comes', async () => {
    const client = await openRaw(gateway.url);
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
    await client.send(head('GET /v1/events', ...upgrade, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='));
    await until('it is open', () => client.received().includes('101 Switching'));
    const frame = Buffer.alloc(14);
    frame[0] = 0x82;
    frame[1] = 0xff;
    frame.writeBigUInt64BE(200n * BigInt(MIB), 2);
    await client.send(frame);
    await client.closed();
    // A close frame with 1009.
    expect(client.received()).toContain('\x88\x02\x03\xf1');
    client.reset();
  });

  it('U46 as thousands of pings is answered or cut, and others go on', async () => {
    const { socket } = await open();
    for (let n = 0; n < 20_000; n += 1) socket.ping('x'.repeat(100));
    expect((await createApi(gateway).call('GET', '/v1/files')).status).toBe(200);
    socket.terminate();
    expect(gateway.hasEnded()).toBe(false);
  });
});
