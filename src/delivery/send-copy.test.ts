import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startKimiEmulator } from '../../emulators/kimi.ts';
import { API_KEY, type EmulatorClient, startClient } from '../../emulators/testing/emulator-client.ts';
import type { BlobStore } from '../core/blob-store.ts';
import type { Delivery, TrackedFile } from '../core/file.ts';
import type { Provider } from '../core/provider.ts';
import { createKimi } from '../providers/kimi.ts';
import { openDiskBlobStore } from '../staging/disk-blob-store.ts';
import { ClaimLostError, type SendCopy, sendCopy } from './send-copy.ts';
import { sentName } from './sent-name.ts';

const MB = 2 ** 20;
const KEY = 'a1b2c3d4e5f60718';

let directory: string;
let kimi: EmulatorClient;
let blobs: BlobStore;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'send-copy-'));
  kimi = await startClient(startKimiEmulator, {});
  blobs = await openDiskBlobStore(directory);
});

afterEach(async () => {
  await kimi.close();
  await blobs.close();
  await rm(directory, { recursive: true, force: true });
});

const provider = (chunkBytes = MB): Provider => {
  const adapter = createKimi({
    baseUrl: kimi.emulator.url,
    apiKey: API_KEY,
    account: 'account',
    emulated: true,
    limits: { maxFileBytes: 100 * MB, maxFiles: 1_000, maxTotalBytes: 10_000 * MB },
    timeouts: { connectMs: 5_000, idleMs: 5_000, totalMs: 30_000 },
  });
  return { ...adapter, capabilities: { ...adapter.capabilities, chunkBytes } };
};

const delivery: Delivery = {
  id: 'delivery',
  fileId: 'file-1',
  provider: 'kimi',
  account: 'account',
  remoteId: null,
  shares: null,
  doubt: 'none',
  purpose: 'file-extract',
  status: 'uploading',
  reason: 'Named in the request.',
  attempts: 1,
  looks: 0,
  isImported: false,
  bytesSent: 0,
  errorCode: null,
  errorMessage: null,
  createdAt: new Date(),
  dueAt: null,
  wantedAt: new Date(),
  updatedAt: new Date(),
  expiresAt: null,
};

const store = async (bytes: Buffer, filename = 'notes.txt'): Promise<TrackedFile> => {
  const writer = await blobs.create(KEY);
  await writer.write(bytes);
  const { sizeBytes, sha256 } = await writer.commit();
  await blobs.keep(KEY);
  return {
    id: 'file-1',
    owner: 'user-1',
    filename,
    mediaType: 'text/plain',
    sizeBytes,
    sha256,
    purpose: 'user_data',
    status: 'uploaded',
    statusDetails: null,
    blobKey: KEY,
    createdAt: new Date(),
    expiresAt: null,
    deletedAt: null,
    purgedAt: null,
  };
};

const send = (file: TrackedFile, options: Partial<SendCopy> = {}) =>
  sendCopy({
    provider: provider(),
    file,
    delivery,
    open: (range = { start: 0, end: file.sizeBytes }) => blobs.read(file.blobKey, range),
    recordProgress: async () => true,
    session: { state: null, save: async () => undefined },
    signal: new AbortController().signal,
    ...options,
  });

const failure = (sending: Promise<unknown>): Promise<unknown> =>
  sending.then(
    () => null,
    (error: unknown) => error,
  );

describe('a copy', () => {
  it('arrives unchanged, under its name and the purpose of the delivery', async () => {
    const bytes = randomBytes(3 * MB + 17);
    const remote = await send(await store(bytes));
    const { files } = await kimi.state();
    expect(files).toMatchObject([
      {
        id: remote.id,
        filename: sentName('notes.txt', delivery.id),
        purpose: 'file-extract',
        bytes: bytes.length,
      },
    ]);
    expect(files[0]?.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it('is of the size on record, whatever else is in the blob', async () => {
    const file = await store(randomBytes(5_000));
    await send({ ...file, sizeBytes: 4_000 });
    expect((await kimi.state()).files).toMatchObject([{ bytes: 4_000 }]);
  });
});

describe('progress', () => {
  it('is recorded once for each chunk of the provider', async () => {
    const recorded: number[] = [];
    await send(await store(randomBytes(5 * MB)), {
      recordProgress: async (bytesSent) => recorded.push(bytesSent) > 0,
    });
    expect(recorded.map((bytes) => Math.floor(bytes / MB))).toEqual([1, 2, 3, 4, 5]);
    expect(recorded.at(-1)).toBe(5 * MB);
  });

  it('is not recorded for a file of less than a chunk', async () => {
    const recorded: number[] = [];
    await send(await store(randomBytes(2 * MB)), {
      provider: provider(8 * MB),
      recordProgress: async (bytesSent) => recorded.push(bytesSent) > 0,
    });
    expect(recorded).toEqual([]);
  });

  it('is never recorded twice at once: chunks are skipped while a record is slow', async () => {
    let running = 0;
    let most = 0;
    const recorded: number[] = [];
    await send(await store(randomBytes(12 * MB)), {
      recordProgress: async (bytesSent) => {
        running += 1;
        most = Math.max(most, running);
        recorded.push(bytesSent);
        // As slow as a round trip to the provider, and so slower than its chunks.
        await kimi.state();
        running -= 1;
        return true;
      },
    });
    expect(most).toBe(1);
    expect(running).toBe(0);
    expect(recorded).toEqual([...recorded].sort((a, b) => a - b));
    expect(new Set(recorded).size).toBe(recorded.length);
  });

  it('that is being recorded when the provider answers is waited for', async () => {
    let isRecorded = false;
    await send(await store(randomBytes(2 * MB)), {
      recordProgress: async () => {
        await kimi.stateWhen(({ files }) => files.length === 1);
        for (let more = 0; more < 20; more += 1) await kimi.state();
        isRecorded = true;
        return true;
      },
    });
    expect(isRecorded).toBe(true);
  });

  it('that cannot be recorded does not stop the bytes', async () => {
    const remote = await send(await store(randomBytes(3 * MB)), {
      recordProgress: () => Promise.reject(new Error('The database is away.')),
    });
    expect((await kimi.state()).files).toMatchObject([{ id: remote.id, bytes: 3 * MB }]);
  });
});

describe('an attempt that ends early', () => {
  it('does so when the claim was lost, and leaves nothing at the provider', async () => {
    await kimi.fault('drip', { bytesPerSecond: 4 * MB });
    const sending = send(await store(randomBytes(20 * MB)), { recordProgress: async () => false });
    expect(await failure(sending)).toBeInstanceOf(ClaimLostError);
    const { files, requests } = await kimi.stateWhen(({ requests: seen }) => seen.length === 1);
    expect(files).toEqual([]);
    expect(requests[0]?.bytesReceived).toBeLessThan(20 * MB);
  });

  it('does so when it is told to, with the reason it was given', async () => {
    await kimi.fault('stall');
    const stop = new AbortController();
    const sending = failure(send(await store(randomBytes(MB)), { signal: stop.signal }));
    await kimi.stateWhen(({ requests }) => requests.length === 1);
    const reason = new Error('The gateway is stopping.');
    stop.abort(reason);
    expect(await sending).toBe(reason);
    expect((await kimi.state()).files).toEqual([]);
  });

  it('does not begin when it was told to before', async () => {
    const reason = new Error('The gateway is stopping.');
    expect(await failure(send(await store(randomBytes(100)), { signal: AbortSignal.abort(reason) }))).toBe(
      reason,
    );
    expect((await kimi.state()).requests).toEqual([]);
  });
});

describe('an attempt that fails', () => {
  it('says for good that the master copy is missing, without a word about where it was', async () => {
    const file = await store(randomBytes(100));
    await blobs.remove(KEY);
    const error = await failure(send(file));
    expect(error).toMatchObject({ code: 'internal_error', retry: 'never' });
    expect(String(error)).not.toContain(KEY);
    expect((await kimi.state()).files).toEqual([]);
  });

  it('does not pass a truncated master copy off as the file', async () => {
    const file = await store(randomBytes(2 * MB));
    await truncate(join(directory, 'kept', KEY.slice(-2), KEY), MB);
    expect(await failure(send(file))).toBeInstanceOf(Error);
    expect((await kimi.state()).files).toEqual([]);
  });

  it.each([
    [
      { status: 429, retryAfter: 7 },
      { code: 'provider_unavailable', retry: 'later', retryAfterMs: 7_000 },
    ],
    [{ status: 500 }, { code: 'provider_unavailable', retry: 'later' }],
    [{ status: 401 }, { code: 'provider_unauthorized', retry: 'never' }],
    [{ status: 400 }, { code: 'provider_rejected', retry: 'never' }],
  ])('says what the provider said and whether to try again: %j', async (parameters, expected) => {
    await kimi.fault('status', { on: 'upload', ...parameters });
    expect(await failure(send(await store(randomBytes(100))))).toMatchObject(expected);
  });

  it('is rejected for good when the provider took the file and cannot use it', async () => {
    await kimi.control('PUT', '/variants', { extractionFailure: 'status-error' });
    const error = await failure(send(await store(randomBytes(100), 'a.unheardof')));
    expect(error).toMatchObject({ code: 'provider_rejected', retry: 'never' });
    expect(String(error)).toContain('text extract error');
  });

  it('can be followed by another that succeeds, with all bytes from the start', async () => {
    await kimi.fault('reset-mid', { afterBytes: MB });
    const file = await store(randomBytes(3 * MB));
    expect(await failure(send(file))).toMatchObject({ code: 'provider_unavailable' });
    await send(file);
    expect((await kimi.state()).files).toMatchObject([{ bytes: 3 * MB, sha256: file.sha256 }]);
  });
});
