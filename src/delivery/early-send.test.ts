import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startKimiEmulator } from '../../emulators/kimi.ts';
import { API_KEY, type EmulatorClient, startClient } from '../../emulators/testing/emulator-client.ts';
import type { BlobStore, BlobWriter } from '../core/blob-store.ts';
import { createKimi } from '../providers/kimi.ts';
import { openDiskBlobStore } from '../staging/disk-blob-store.ts';
import { type EarlySend, type EarlySendOptions, startEarlySend } from './early-send.ts';

const MB = 2 ** 20;
const KEY = 'a1b2c3d4e5f60718';
const SIZE = 6 * MB;

let directory: string;
let kimi: EmulatorClient;
let blobs: BlobStore;
let writer: BlobWriter;
const bytes = randomBytes(SIZE);
const recording = { recordProgress: async () => true, saveSession: async () => undefined };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'early-send-'));
  kimi = await startClient(startKimiEmulator, {});
  blobs = await openDiskBlobStore(directory);
  writer = await blobs.create(KEY);
});

afterEach(async () => {
  await writer.abort();
  await kimi.close();
  await blobs.close();
  await rm(directory, { recursive: true, force: true });
});

/** How far the copy has come, to be waited for. */
const watch = () => {
  let sent = 0;
  let wake = (): void => undefined;
  return {
    onProgress: (total: number): void => {
      sent = total;
      wake();
    },
    reaches: async (total: number): Promise<void> => {
      while (sent < total) await new Promise<void>((resolve) => (wake = resolve));
    },
    get sent() {
      return sent;
    },
  };
};

const start = (options: Partial<EarlySendOptions> = {}): EarlySend => {
  const adapter = createKimi({
    baseUrl: kimi.emulator.url,
    apiKey: API_KEY,
    account: 'account',
    emulated: true,
    limits: { maxFileBytes: 100 * MB, maxFiles: 1_000, maxTotalBytes: 10_000 * MB },
    timeouts: { connectMs: 5_000, idleMs: 5_000, totalMs: 30_000 },
  });
  return startEarlySend({
    provider: { ...adapter, capabilities: { ...adapter.capabilities, chunkBytes: MB } },
    file: { filename: 'notes.txt', mediaType: 'text/plain', sizeBytes: SIZE },
    delivery: { id: 'delivery', purpose: 'file-extract' },
    read: (range) => blobs.read(KEY, range),
    onProgress: () => undefined,
    ...options,
  });
};

const write = async (from: number, to: number): Promise<void> => {
  for (let at = from; at < to; at += MB) await writer.write(bytes.subarray(at, Math.min(at + MB, to)));
};

const held = async () => (await kimi.state()).files;

describe('a copy that is sent while its file comes in', () => {
  it('follows the bytes, and is there only once its last piece is let go', async () => {
    const progress = watch();
    const early = start({ onProgress: progress.onProgress });
    await write(0, 3 * MB);
    await progress.reaches(2 * MB);
    await write(3 * MB, SIZE);
    await writer.commit();
    await progress.reaches(SIZE - MB);
    expect(progress.sent).toBeLessThan(SIZE);
    expect(await held()).toEqual([]);
    const remote = await early.finish(recording);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect(await held()).toMatchObject([{ id: remote.id, sha256 }]);
    await early.cancel();
    expect(await held()).toHaveLength(1);
  });

  it.each(['in the middle', 'with all bytes gone but the last'])(
    'leaves nothing when it is cancelled %s',
    async (when) => {
      const progress = watch();
      const early = start({ onProgress: progress.onProgress });
      await write(0, when === 'in the middle' ? 3 * MB : SIZE);
      if (when !== 'in the middle') await writer.commit();
      await progress.reaches(2 * MB);
      await early.cancel();
      await early.cancel();
      await kimi.stateWhen(({ requests }) => requests.length === 1);
      expect(await held()).toEqual([]);
      await expect(early.finish(recording)).rejects.toThrow('not completed');
    },
  );

  it('fails when its file is given up', async () => {
    const early = start();
    await write(0, 2 * MB);
    await writer.abort();
    await expect(early.finish(recording)).rejects.toThrow('gave up');
    expect(await held()).toEqual([]);
  });

  it('is begun again when the bytes go on after a long pause', async () => {
    const waits = Promise.withResolvers<void>();
    const read: EarlySendOptions['read'] = (range) => {
      // Between two requests it waits for one byte.
      if ((range.end ?? 0) - (range.start ?? 0) === 1) waits.resolve();
      return blobs.read(KEY, range);
    };
    const early = start({ read, pauseMs: 100 });
    await write(0, 3 * MB);
    await waits.promise;
    expect(await held()).toEqual([]);
    await write(3 * MB, SIZE);
    await writer.commit();
    await early.finish(recording);
    const { files, requests } = await kimi.state();
    expect(files).toMatchObject([{ sha256: createHash('sha256').update(bytes).digest('hex') }]);
    expect(requests).toHaveLength(2);
  });

  it('tells the provider\u2019s refusal when it is to be finished, and not before', async () => {
    await kimi.fault('early-status', { status: 413 });
    const early = start();
    await write(0, SIZE);
    await writer.commit();
    await expect(early.finish(recording)).rejects.toMatchObject({ code: 'provider_rejected' });
    expect(await held()).toEqual([]);
  });
});
