import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Emulator } from '../../emulators/emulator.ts';
import { startMistralEmulator } from '../../emulators/mistral.ts';
import { adapters } from '../../src/providers/registry.ts';
import { until } from '../support/until.ts';
import { useTestDatabases } from './support/test-databases.ts';
import { PATIENCE, sample, useTestWorlds } from './support/test-pipeline.ts';

const API_KEY = 'a-key-of-mistral';
const newWorld = useTestWorlds(useTestDatabases({ queues: true }));

let directory: string;
let emulator: Emulator;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mistral-'));
  emulator = await startMistralEmulator({ directory, apiKey: API_KEY });
});
afterAll(async () => {
  await emulator.close();
  await rm(directory, { recursive: true, force: true });
});

const held = async (): Promise<string[]> => {
  const { files } = (await (await fetch(`${emulator.controlUrl}/state`)).json()) as {
    files: { id: string }[];
  };
  return files.map(({ id }) => id);
};

it('serves every owner of the same bytes by the one file that the provider keeps of them', async () => {
  const world = await newWorld();
  const mistral = adapters.mistral({
    baseUrl: emulator.url,
    apiKey: API_KEY,
    account: 'account-1',
    emulated: true,
    limits: { maxFileBytes: 1e8, maxFiles: 1_000, maxTotalBytes: 1e12 },
    timeouts: { connectMs: 5_000, idleMs: 10_000, totalMs: 30_000 },
  });
  const pipeline = await world.start({ providers: new Map([['mistral', mistral]]) });
  const bytes = Buffer.from('%PDF-1.7\nThe same words of two owners.');
  const upload = async (owner: string) => {
    const { file } = await pipeline.receive(
      owner,
      sample({ bytes, filename: 'words.pdf', mediaType: 'application/pdf', to: ['mistral'] }),
    );
    return pipeline.find(owner, file.id, PATIENCE);
  };
  const [first, second] = [await upload('owner-1'), await upload('owner-2')];
  const [remoteId] = await held();
  for (const { deliveries } of [first, second]) {
    expect(deliveries).toMatchObject([{ status: 'completed', remoteId, attempts: 1 }]);
  }

  await pipeline.delete('owner-1', first.file.id);
  expect(await pipeline.awaitRemoval(first.file.id, PATIENCE)).toBe(true);
  expect(await held()).toEqual([remoteId]);
  expect((await pipeline.find('owner-2', second.file.id)).deliveries).toMatchObject([{ remoteId }]);

  await pipeline.delete('owner-2', second.file.id);
  expect(await pipeline.awaitRemoval(second.file.id, PATIENCE)).toBe(true);
  await until('the file is gone', async () => (await held()).length === 0);
});
