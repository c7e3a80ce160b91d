import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createApi, type FileObject, sha256 } from '../support/create-api.ts';
import { followBySse } from '../support/follow-events.ts';
import { blobSizes } from '../support/look-at-blobs.ts';
import { openRaw } from '../support/raw-http.ts';
import { runWaybill } from '../support/run-waybill.ts';
import { startGateway } from '../support/start-gateway.ts';
import { startProviders } from '../support/start-providers.ts';
import { until } from '../support/until.ts';

const uploadHead = (token: string, sizeBytes: number): string =>
  `PUT /v1/files?filename=slow.txt&provider=none HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
  `Content-Length: ${sizeBytes}\r\n\r\n`;

// Each has a gateway of its own, and most of what they do is wait.
describe.concurrent('SIGTERM', () => {
  it('L13 lets a client finish its upload, and takes no new one', async () => {
    const gateway = await startGateway();
    const { seen } = await followBySse(gateway);
    const client = await openRaw(gateway.url);
    await client.send(uploadHead(gateway.token, 10));
    await client.send('First');
    await until('the upload has begun', () => seen.some(({ data }) => data.received_bytes === 5));
    const exitCode = gateway.stop();
    await until('it is stopping', () => gateway.logs().some(({ event }) => event === 'stopping'));
    await until(
      'nobody is let in',
      () =>
        openRaw(gateway.url).then(
          (late) => late.reset(),
          () => true,
        ),
      { deadlineMs: 5_000 },
    );
    await client.send(' last');
    const answer = await client.answer();
    expect([answer.status, JSON.parse(answer.body).sha256]).toEqual([200, sha256('First last')]);
    // The client keeps its side open; only this tells it, and us, that the connection is over.
    expect(answer.headers.get('connection')).toBe('close');
    expect(await exitCode).toBe(0);
  });

  it('does not wait for ever for a client that sends no more, and keeps nothing of it', async () => {
    const gateway = await startGateway();
    const { seen } = await followBySse(gateway);
    const client = await openRaw(gateway.url);
    await client.send(uploadHead(gateway.token, 10));
    await client.send('First');
    await until('the upload has begun', () => seen.some(({ data }) => data.received_bytes === 5));
    expect(await gateway.stop()).toBe(0);
    expect(await blobSizes(gateway.dataDir)).toEqual([]);
  });

  it('answers who waits for a delivery, puts the delivery back in line, and resumes it at the next start', async () => {
    const providers = await startProviders();
    const gateway = await startGateway({ env: providers.env });
    const text = 'On its way when we stop.';
    await providers.kimi.fault('stall', { on: 'upload' });
    const waiting = createApi(gateway).upload({ text, query: 'provider=kimi' });
    await until('the provider is asked', async () => (await providers.kimi.state()).requests.length > 0);
    const exitCode = gateway.stop();
    const answer = await waiting;
    expect(answer.status).toBe(200);
    expect(answer.file().deliveries).toMatchObject([{ status: 'uploading' }]);
    expect(await exitCode).toBe(0);

    const next = await startGateway({ env: providers.env, home: gateway.home });
    const file: FileObject = await until(
      'the delivery completes',
      async () => {
        const found = (await createApi(next).call('GET', `/v1/files/${answer.file().id}`)).file();
        return found.status === 'processed' && found;
      },
      { deadlineMs: 40_000 },
    );
    expect(file.deliveries).toMatchObject([{ status: 'completed', attempts: 2 }]);
    const { files } = await providers.kimi.state();
    expect(files.map((held) => held.sha256)).toEqual([sha256(text)]);
  });

  it('leaves no process and no address behind', async () => {
    const gateway = await startGateway();
    const postmaster = join(gateway.dataDir, 'postgres/data/postmaster.pid');
    expect(existsSync(postmaster)).toBe(true);
    expect(await gateway.stop()).toBe(0);
    expect(existsSync(postmaster)).toBe(false);
    expect(existsSync(join(gateway.dataDir, 'gateway-url'))).toBe(false);
  });
});

describe('a second gateway', () => {
  it('on the same data directory is refused with one sentence, and the first goes on', async () => {
    const gateway = await startGateway();
    const env = { DATA_DIR: gateway.dataDir, PORT: '0' };
    const second = await runWaybill(['serve'], { cwd: gateway.home, env });
    expect(second.exitCode).toBe(1);
    expect(second.stdout).toBe('');
    const lines = second.stderr
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('{'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(gateway.dataDir);
    expect(lines[0]).toMatch(/another|already|in use/iu);
    expect((await createApi(gateway).upload()).status).toBe(200);
  });

  it('on the same port is refused with one sentence', async () => {
    const gateway = await startGateway();
    const { port } = new URL(gateway.url);
    const env = { DATA_DIR: join(gateway.home, 'other'), PORT: port };
    const second = await runWaybill(['serve'], { cwd: gateway.home, env });
    expect(second.exitCode).toBe(1);
    const lines = second.stderr
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('{'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`127.0.0.1:${port} is in use`);
  });
});
