import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPathPolicy } from '../../src/admission/path-policy.ts';
import { createGateway, type EmbeddedGateway } from '../../src/app/create-gateway.ts';
import { createResumeDirectory, Waybill } from '../../src/client/index.ts';
import { createClientFiles } from '../../src/mcp/client-files.ts';
import { connectTo } from '../../src/mcp/connection.ts';
import type { Files } from '../../src/mcp/files.ts';
import { preparePostgres } from '../support/prepared-postgres.ts';
import { randomText } from '../support/random-text.ts';

const { signal } = new AbortController();

let directory: string;
let gateway: EmbeddedGateway;
let waybill: Waybill;
let files: Files;
let ending: AbortController;

const open = async (allowedPaths: readonly string[]): Promise<Files> =>
  createClientFiles({
    connection: connectTo(waybill),
    paths: await openPathPolicy({
      allowed: allowedPaths,
      mappings: [],
      dataDirectory: join(directory, 'data'),
    }),
    allowedPaths,
    resume: createResumeDirectory(join(directory, 'resume')),
    ending: ending.signal,
  });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'waybill-client-files-'));
  await mkdir(join(directory, 'files'));
  await preparePostgres(join(directory, 'data/postgres'));
  gateway = await createGateway({
    settings: { PORT: 0, DATA_DIR: join(directory, 'data'), RATE_LIMIT_PER_MINUTE: 0 },
  });
  waybill = new Waybill({ url: gateway.url, token: await gateway.createToken({ sub: 'alice' }) });
  ending = new AbortController();
  files = await open([join(directory, 'files')]);
});
afterAll(async () => {
  await waybill.close();
  await gateway.close();
  await rm(directory, { recursive: true });
});

const put = async (name: string, bytes: Buffer): Promise<string> => {
  const path = join(directory, 'files', name);
  await writeFile(path, bytes);
  return path;
};
const upload = (path: string, changes: Partial<Parameters<Files['upload']>[0]> = {}) =>
  files.upload({
    path,
    provider: 'none',
    purpose: undefined,
    onProgress: () => undefined,
    signal,
    ...changes,
  });
const names = async (): Promise<readonly string[]> =>
  (
    await files.list({
      limit: 100,
      after: undefined,
      q: undefined,
      provider: undefined,
      status: undefined,
      signal,
    })
  ).data.map(({ filename }) => filename);

describe('files over the API of a gateway', () => {
  it('come from the disk, go to a provider and are read in parts', async () => {
    const bytes = randomText(6_000_000);
    const path = await put('report.txt', bytes);
    const seen: number[] = [];
    const safe = await upload(path, { provider: 'kimi', onProgress: (sentBytes) => seen.push(sentBytes) });
    expect(seen.at(-1)).toBe(bytes.length);
    const changes: string[] = [];
    const settled = await files.settled(safe.id, {
      waitMs: 20_000.5,
      onChange: ({ status }) => changes.push(status),
      signal,
    });
    expect(settled).toMatchObject({ status: 'processed', filename: 'report.txt', bytes: bytes.length });
    expect(changes.at(-1)).toBe('processed');
    expect(await files.settled(safe.id, { waitMs: 0, signal })).toEqual(settled);

    const { body, sizeBytes } = await files.content(safe.id, {
      provider: undefined,
      start: 5_999_990,
      signal,
    });
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(bytes.subarray(5_999_990))).toBe(true);
    expect(sizeBytes).toBe(bytes.length);
    const extracted = await files.content(safe.id, { provider: 'kimi', start: 0, signal });
    expect(extracted.sizeBytes).toBe(null);
    for await (const _ of extracted.body) break;

    expect(await files.textProviders({ signal })).toContain('kimi');
    expect((await files.deliver(safe.id, { provider: 'kimi', signal })).id).toBe(safe.id);
    expect((await files.quota({ signal })).files.used).toBe(1);
    const wanted = { filename: 'a.txt', sizeBytes: 3, provider: undefined, signal };
    expect((await files.createUploadUrl(wanted)).url).toContain(gateway.url);
    expect(await files.delete(safe.id, { signal })).toMatchObject({ deleted: true });
    expect(await names()).toEqual([]);
  });

  it('answer with the file as it is when the wait for its deliveries is over', async () => {
    const { id } = await upload(await put('waiting.txt', randomText(1_000)));
    const controller = new AbortController();
    controller.abort(new Error('Cancelled.'));
    await expect(files.settled(id, { waitMs: 1_000, signal: controller.signal })).rejects.toThrow(
      'Cancelled.',
    );
    expect((await files.settled(id, { waitMs: 1, signal })).id).toBe(id);
    await files.delete(id, { signal });
  });

  it('P47 are refused outside in words that help', async () => {
    await expect(upload('/etc/passwd')).rejects.toMatchObject({
      code: 'path_not_allowed',
      message: expect.stringContaining(join(directory, 'files')),
    });
    const closed = await open([]);
    const asked = {
      path: '/etc/passwd',
      provider: undefined,
      purpose: undefined,
      onProgress: () => undefined,
      signal,
    };
    await expect(closed.upload(asked)).rejects.toMatchObject({
      code: 'path_not_allowed',
      message: expect.stringContaining('ALLOWED_PATHS'),
    });
    await expect(upload(join(directory, 'files/none'))).rejects.toMatchObject({ code: 'not_found' });
  });

  it('P29 that change while they are sent are not kept', async () => {
    const path = await put('changing.txt', randomText(20_000_000));
    let isChanged = false;
    const sending = upload(path, {
      onProgress: (sentBytes) => {
        if (isChanged || sentBytes === 0) return;
        isChanged = true;
        void appendFile(path, 'more');
      },
    });
    await expect(sending).rejects.toMatchObject({ code: 'incomplete_body' });
    expect(await names()).toEqual([]);
    // Unchanged, it goes through, and from its beginning.
    const seen: number[] = [];
    const { id, bytes } = await upload(path, { onProgress: (sentBytes) => seen.push(sentBytes) });
    expect([bytes, seen[0]]).toEqual([20_000_004, 0]);
    await files.delete(id, { signal });
  });

  it('are neither sent nor deleted once this side has ended', async () => {
    const path = await put('kept.txt', randomText(1_000));
    const { id } = await upload(path);
    ending.abort(new Error('The end.'));
    await expect(files.delete(id, { signal })).rejects.toThrow('The end.');
    expect((await waybill.files.retrieve(id)).id).toBe(id);
  });
});
