/** The client library against a gateway that is killed, or refuses for a while, and the memory that it takes. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, writeFileSync } from 'node:fs';
import { createServer, request as forward, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ClientError, createResumeDirectory, Waybill } from '../../src/client/index.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { randomText } from '../support/random-text.ts';
import { type GatewayProcess, makeHome, startGateway } from '../support/start-gateway.ts';

const MIB = 2 ** 20;
const LARGE_MIB = 300;

let gateway: GatewayProcess;
let home: string;
const clients: Waybill[] = [];
const servers: Server[] = [];

beforeAll(async () => {
  gateway = await startGateway();
  home = await makeHome();
});

afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())));
afterAll(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

const clientOf = (url: string): Waybill => {
  const client = new Waybill({ url, token: gateway.token });
  clients.push(client);
  return client;
};

const fileOf = (name: string, content: Buffer): string => {
  const path = join(home, name);
  writeFileSync(path, content);
  return path;
};

const digestOf = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

/** Passes on all but some requests, counted from 0, which it refuses as a gateway does that is called too often. */
const startRefusing = async (refused: readonly number[]): Promise<{ url: string; methods: string[] }> => {
  const methods: string[] = [];
  const error = { message: 'Too often.', type: 'x', code: 'rate_limited', param: null, request_id: 'req_1' };
  const server = createServer((request, response) => {
    methods.push(request.method ?? '');
    if (refused.includes(methods.length - 1)) {
      request.resume().once('end', () => {
        response.writeHead(429, { 'retry-after': '1' }).end(JSON.stringify({ error }));
      });
      return;
    }
    const { method, headers, url = '' } = request;
    const onward = forward(new URL(url, gateway.url), { method, headers }, (answer) => {
      answer.pipe(response.writeHead(answer.statusCode ?? 500, answer.headers));
    });
    request.pipe(onward.on('error', () => response.destroy()));
  });
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, methods };
};

describe('the client', () => {
  it('waits out a gateway that has been called too often, in an upload', async () => {
    const { url, methods } = await startRefusing([0, 2, 4]);
    const waits: [number, string][] = [];
    const content = randomText(5 * MIB);
    const file = await clientOf(url).upload(fileOf('limited.txt', content), {
      provider: 'none',
      onWait: (waitMs, why) => waits.push([waitMs, why.code]),
    });
    expect(file.sha256).toBe(digestOf(content));
    expect(waits.map(([, code]) => code)).toEqual(['rate_limited', 'rate_limited', 'rate_limited']);
    expect(Math.min(...waits.map(([waitMs]) => waitMs))).toBeGreaterThanOrEqual(1_000);
    // Created, sent, asked how far, sent on if need be, and looked at.
    expect(methods.slice(0, 4)).toEqual(['POST', 'POST', 'PATCH', 'POST']);
  });

  it('waits out a gateway that has been called too often, in any call, but no longer than it may', async () => {
    const { url } = await startRefusing([0, 1]);
    const waits: number[] = [];
    await clientOf(url).quota({ onWait: (waitMs) => waits.push(waitMs) });
    expect(waits).toEqual([1_000, 1_000]);
    const impatient = new Waybill({ url: (await startRefusing([0])).url, token: 'x', patienceMs: 999 });
    clients.push(impatient);
    const refusal = impatient.quota().catch((error: ClientError) => error.code);
    expect(await refusal).toBe('rate_limited');
  });

  it('takes no more memory for a file of 300 MB than for a small one', async () => {
    const small = fileOf('small.txt', randomText(MIB));
    const large = join(home, 'large.txt');
    const block = randomText(MIB);
    const hash = createHash('sha256');
    const writing = createWriteStream(large);
    for (let count = 0; count < LARGE_MIB; count += 1) {
      hash.update(block);
      if (!writing.write(block)) await once(writing, 'drain');
    }
    await once(writing.end(), 'close');
    const program = join(import.meta.dirname, '../support/upload-alone.mjs');
    const args = [program, gateway.url, gateway.token, small, large];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const { grownBytes, ...file } = JSON.parse(stdout);
    expect(file).toEqual({ bytes: LARGE_MIB * MIB, sha256: hash.digest('hex') });
    // What is read becomes garbage, which is collected after some tens of megabytes.
    expect(grownBytes).toBeLessThan(128 * MIB);
  });

  // Last, since the gateway is another one afterwards.
  it('goes on with an upload when the gateway was killed and is there again', async () => {
    const content = randomText(40 * MIB);
    const proxy = await startCuttingProxy(gateway.url);
    const resume = createResumeDirectory(join(home, 'killed'));
    let killing: Promise<void> | null = null;
    const kill = async (): Promise<void> => {
      await gateway.kill9();
      gateway = await startGateway({ home: gateway.home });
      proxy.leadTo(gateway.url);
    };
    const waits: string[] = [];
    const client = clientOf(proxy.url);
    const file = await client.upload(fileOf('killed.txt', content), {
      provider: 'none',
      resume,
      onWait: (_, why) => waits.push(why.code),
      onProgress: ({ sentBytes }) => {
        if (sentBytes > 15 * MIB) killing ??= kill();
      },
    });
    await killing;
    expect(file).toMatchObject({ bytes: content.length, sha256: digestOf(content) });
    expect(waits).toContain('connection_lost');
    const { data } = await client.files.list({ q: 'killed.txt' });
    expect(data.map(({ id }) => id)).toEqual([file.id]);
    expect(await gateway.query('select id from waybill.uploads')).toEqual([]);
  });
});
