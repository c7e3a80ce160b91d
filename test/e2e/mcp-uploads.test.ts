import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createApi } from '../support/create-api.ts';
import { connectMcp, mcpKinds, type Progress } from '../support/mcp-clients.ts';
import { randomText } from '../support/random-text.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, makeHome, startGateway } from '../support/start-gateway.ts';
import { type Providers, startProviders } from '../support/start-providers.ts';
import { until } from '../support/until.ts';

const MB = 2 ** 20;
let gateway: GatewayProcess;
let providers: Providers;
let directory: string;
/** Of 50 MB. */
let movie: string;

beforeAll(async () => {
  [providers, directory] = await Promise.all([startProviders(), makeHome()]);
  movie = await newFile('movie.txt', 50 * MB);
  gateway = await startGateway({
    env: { ...providers.env, JWT_SECRET_KEY: JWT_SECRET, ALLOWED_PATHS: directory },
  });
});

const newFile = async (name: string, sizeBytes: number): Promise<string> => {
  const path = join(directory, name);
  await writeFile(path, randomText(sizeBytes));
  return path;
};

/** What somebody has, as the API tells. */
const holdings = async (token: string): Promise<{ files: number; bytes: number; reserved: number }> => {
  const api = createApi(gateway, token);
  const { data } = (await api.call('GET', '/v1/files')).json<{ data: unknown[] }>();
  const { bytes } = (await api.call('GET', '/v1/quota')).json<{
    bytes: { used: number; reserved: number };
  }>();
  return { files: data.length, bytes: bytes.used, reserved: bytes.reserved };
};

const subject = (text: string): string => text.replaceAll(' ', '-');

/** Whether the audit trail says that a call of theirs was cancelled. */
const hasEnded = (who: string): boolean =>
  gateway
    .logs()
    .some(
      ({ event, action, owner, status }) =>
        event === 'audit' && action === 'file.create' && owner === subject(who) && status === 499,
    );

describe.each(mcpKinds)('upload_file over %s', (kind) => {
  it('takes 50 MB by its path and tells how far it has come', async () => {
    const token = await signToken({ sub: subject(`up-${kind}`) });
    const client = await connectMcp(gateway, kind, token);
    const seen: Progress[] = [];
    const startedAtMs = performance.now();
    const answer = await client.call(
      'upload_file',
      { path: movie, provider: 'kimi' },
      { onprogress: (one) => seen.push(one) },
    );
    const tookMs = performance.now() - startedAtMs;
    expect(answer).toMatchObject({
      isError: false,
      structured: {
        bytes: 50 * MB,
        status: 'processed',
        deliveries: [{ provider: 'kimi', status: 'completed' }],
      },
    });
    expect(answer.content).toContainEqual(
      expect.objectContaining({
        type: 'resource_link',
        uri: `waybill://files/${answer.structured.id}`,
        mimeType: 'text/plain',
        size: 50 * MB,
      }),
    );
    expect(seen.length).toBeGreaterThanOrEqual(2);
    expect(seen.length).toBeLessThanOrEqual(2 + tookMs / 250);
    expect(seen[0]).toMatchObject({
      progress: 0,
      total: 100 * MB,
      message: expect.stringContaining('0 of 50 MB'),
    });
    expect(seen.at(-1)).toMatchObject({ progress: 100 * MB, message: 'kimi: completed' });
    const steps = seen.map(({ progress }) => progress);
    expect(steps).toEqual([...new Set(steps)].toSorted((a, b) => a - b));
    const { sha256 } = (
      await createApi(gateway, token).call('GET', `/v1/files/${answer.structured.id}`)
    ).file();
    expect(sha256).toBe(answer.structured.sha256);
  });

  it('keeps nothing when it is cancelled while bytes come in', async () => {
    const token = await signToken({ sub: subject(`cancel-${kind}`) });
    const client = await connectMcp(gateway, kind, token);
    const cancelling = new AbortController();
    const call = client.call(
      'upload_file',
      { path: movie, provider: 'none' },
      { onprogress: () => cancelling.abort(new Error('No more.')), signal: cancelling.signal },
    );
    await expect(call).rejects.toThrow('No more.');
    await until('the call has ended', () => hasEnded(`cancel-${kind}`));
    expect(await holdings(token)).toEqual({ files: 0, bytes: 0, reserved: 0 });
    const owner = subject(`cancel-${kind}`);
    expect(await gateway.query('select id from waybill.files where owner = $1', [owner])).toEqual([]);
  });

  it('takes the file back when it is cancelled while its deliveries go on', async () => {
    const token = await signToken({ sub: subject(`back-${kind}`) });
    const client = await connectMcp(gateway, kind, token);
    const path = await newFile(`taken-back-${mcpKinds.indexOf(kind)}.txt`, 20_000);
    await providers.glm.fault('slow-answer', { on: 'upload', delayMs: 20_000 });
    const cancelling = new AbortController();
    const call = client.call(
      'upload_file',
      { path, provider: 'glm' },
      { onprogress: () => undefined, signal: cancelling.signal },
    );
    const caught = expect(call).rejects.toThrow('No more.');
    await until('the file is safe', async () => (await holdings(token)).files === 1);
    cancelling.abort(new Error('No more.'));
    await caught;
    await until('the call has ended', () => hasEnded(`back-${kind}`));
    expect(await holdings(token)).toEqual({ files: 0, bytes: 0, reserved: 0 });
  });
});

describe('a large file', () => {
  it('is read from wherever it is asked for', async () => {
    const client = await connectMcp(gateway, 'HTTP 2026-07-28', await signToken({ sub: 'reader' }));
    const { structured } = await client.call('upload_file', { path: movie, provider: 'none' });
    const offset = 40 * MB;
    const part = await client.call('read_file_content', { id: structured.id, offset, limit: 100 });
    const { buffer } = await readAt(movie, offset, 100);
    expect(part.structured).toEqual({
      text: buffer.toString(),
      offset,
      next_offset: offset + 100,
      total_bytes: 50 * MB,
      from: 'original',
    });
  });
});

const readAt = async (path: string, position: number, length: number): Promise<{ buffer: Buffer }> => {
  const handle = await open(path);
  try {
    return await handle.read(Buffer.alloc(length), 0, length, position);
  } finally {
    await handle.close();
  }
};
