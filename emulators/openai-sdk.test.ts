import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import OpenAI, {
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
  toFile,
} from 'openai';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startOpenAiEmulator } from './openai.ts';
import { API_KEY, type EmulatorClient, startClient } from './testing/emulator-client.ts';

let emulator: EmulatorClient;

beforeEach(async () => {
  emulator = await startClient(startOpenAiEmulator, {});
});
afterEach(() => emulator.close());

const sdk = (maxRetries = 0, apiKey = API_KEY): OpenAI =>
  new OpenAI({ apiKey, baseURL: emulator.emulator.url, maxRetries });
const jsonl = (name = 'a.jsonl'): Promise<File> =>
  toFile(Buffer.from('{"a":1}\n'), name, { type: 'text/jsonl' });

describe('the openai SDK at the emulator', () => {
  it('creates, waits for, lists, reads and deletes files', async () => {
    await emulator.control('PUT', '/variants', { uploadedRetrieves: 1 });
    const { files } = sdk();
    const path = join(emulator.directory, 'from disk.jsonl');
    await writeFile(path, '{"a":1}\n');
    const streamed = await files.create({ purpose: 'batch', file: createReadStream(path) });
    const expires_after = { anchor: 'created_at', seconds: 3_600 } as const;
    const created = await files.create({ purpose: 'fine-tune', file: await jsonl(), expires_after });
    expect(streamed).toMatchObject({
      object: 'file',
      filename: 'from disk.jsonl',
      bytes: 8,
      purpose: 'batch',
    });
    expect((created.expires_at ?? 0) - created.created_at).toBe(3_600);
    expect(await files.waitForProcessing(created.id, { pollInterval: 10 })).toMatchObject({
      status: 'processed',
    });

    const listed: string[] = [];
    for await (const { id } of files.list({ limit: 1, order: 'asc' })) listed.push(id);
    expect(listed).toEqual([streamed.id, created.id]);
    expect((await files.list({ purpose: 'batch' })).data.map(({ id }) => id)).toEqual([streamed.id]);

    expect(await files.retrieve(created.id)).toMatchObject({ id: created.id });
    expect(await (await files.content(created.id)).text()).toBe('{"a":1}\n');
    expect(await files.delete(created.id)).toEqual({ id: created.id, object: 'file', deleted: true });
    await expect(files.retrieve(created.id)).rejects.toBeInstanceOf(NotFoundError);
  });

  it('uploads a file in Parts, and cancels another', async () => {
    const { uploads, files } = sdk();
    const announced = { filename: 'b.jsonl', purpose: 'batch', bytes: 16, mime_type: 'text/jsonl' } as const;
    const upload = await uploads.create(announced);
    expect(upload).toMatchObject({ object: 'upload', status: 'pending' });
    const parts = await Promise.all(
      [1, 2].map(async () => uploads.parts.create(upload.id, { data: await jsonl() })),
    );
    await expect(uploads.complete(upload.id, { part_ids: [parts[0]?.id ?? ''] })).rejects.toBeInstanceOf(
      BadRequestError,
    );
    const completed = await uploads.complete(upload.id, { part_ids: parts.map(({ id }) => id) });
    expect(completed).toMatchObject({ status: 'completed', file: { bytes: 16, filename: 'b.jsonl' } });
    expect(await (await files.content(completed.file?.id ?? '')).text()).toBe('{"a":1}\n{"a":1}\n');

    const other = await uploads.create(announced);
    expect(await uploads.cancel(other.id)).toMatchObject({ id: other.id, status: 'cancelled' });
    await expect(uploads.parts.create(other.id, { data: await jsonl() })).rejects.toBeInstanceOf(
      BadRequestError,
    );
  });

  it.each([
    ['a wrong key', 'another', 401, AuthenticationError, 'invalid_api_key', 'invalid_request_error'],
    ['the limit of requests', API_KEY, 429, RateLimitError, 'rate_limit_exceeded', 'requests'],
    ['no more credit', API_KEY, 429, RateLimitError, 'insufficient_quota', 'insufficient_quota'],
  ])('is told of %s', async (_, key, status, kind, code, type) => {
    await emulator.fault('status', { on: 'list', status, code });
    const refused = await sdk(0, key)
      .files.list()
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(kind);
    expect(refused).toMatchObject({ status, code, type, requestID: expect.stringMatching(/^req_/) });
  });

  it.each([
    ['tries again at once by retry-after-ms', 429, { 'retry-after-ms': '1' }, 2],
    ['does not wait when told to for more than a minute', 429, { 'retry-after': '61' }, 2],
    ['does not try again where x-should-retry says no', 500, { 'x-should-retry': 'false' }, 1],
    ['tries again at a conflict', 409, { 'retry-after-ms': '1' }, 2],
    [
      'tries again a 400 where x-should-retry says so',
      400,
      { 'x-should-retry': 'true', 'retry-after-ms': '1' },
      2,
    ],
  ])('%s', async (_, status, headers, requests) => {
    await emulator.fault('status', { on: 'list', status, headers });
    const answer = await sdk(1)
      .files.list()
      .catch((error: unknown) => error);
    if (requests === 1) expect(answer).toBeInstanceOf(InternalServerError);
    else expect(answer).toMatchObject({ data: [] });
    expect((await emulator.state()).requests).toHaveLength(requests);
  });
});
