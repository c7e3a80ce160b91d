import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { type GlmVariants, startGlmEmulator } from '../../../emulators/glm.ts';
import { startKimiEmulator } from '../../../emulators/kimi.ts';
import { API_KEY, type EmulatorClient, startClient } from '../../../emulators/testing/emulator-client.ts';
import { openPathPolicy } from '../../../src/admission/path-policy.ts';
import type { FileWithDeliveries } from '../../../src/core/file.ts';
import type { Incoming, UploadOptions } from '../../../src/core/incoming.ts';
import type { Provider, ProviderId } from '../../../src/core/provider.ts';
import { createContent } from '../../../src/ingest/content/content.ts';
import { createAccountRoom } from '../../../src/pipeline/account-room.ts';
import { createBackground } from '../../../src/pipeline/background.ts';
import { createCommits } from '../../../src/pipeline/commits.ts';
import type { Dependencies } from '../../../src/pipeline/dependencies.ts';
import { createFileChanges } from '../../../src/pipeline/file-changes.ts';
import { createGuards } from '../../../src/pipeline/guards.ts';
import { jobKinds } from '../../../src/pipeline/job-kinds.ts';
import { type Pipeline, startPipeline } from '../../../src/pipeline/pipeline.ts';
import { createQuotas } from '../../../src/pipeline/quotas.ts';
import { createReceptions } from '../../../src/pipeline/receptions.ts';
import { startJobs } from '../../../src/platform/jobs.ts';
import { createMetrics } from '../../../src/platform/metrics.ts';
import { passiveTracing } from '../../../src/platform/tracing.ts';
import { adapters } from '../../../src/providers/registry.ts';
import { openDiskBlobStore } from '../../../src/staging/disk-blob-store.ts';
import type { QuotaLimits } from '../../../src/tracking/quotas.ts';
import { randomText } from '../../support/random-text.ts';
import { JOBS_SCHEMA, log, type TestDatabases } from './test-databases.ts';

const MB = 2 ** 20;
/** Longer than any test waits for a delivery; a wait ends as soon as there is nothing to wait for. */
export const PATIENCE = { waitMs: 30_000 };
export const OWNER = 'user-1';

/** A pipeline on a real database, real jobs, a real blob store, and emulated providers. */
export interface TestPipeline extends Pipeline {
  readonly dependencies: Dependencies;
  /** Stops it as the gateway does, giving what runs `graceMs`. */
  stop(graceMs?: number): Promise<void>;
}

/** What a test has differently. */
interface Overrides extends Partial<Dependencies> {
  /** Default: none. */
  readonly quotaLimits?: QuotaLimits;
}

const NO_LIMITS: QuotaLimits = { bytes: null, files: null };

export interface TestWorld {
  readonly kimi: EmulatorClient;
  readonly glm: EmulatorClient;
  readonly url: string;
  /** Starts a pipeline of this world, with what a test has differently. Several share the record and the blobs. */
  start(overrides?: Overrides): Promise<TestPipeline>;
  /** The parts of a pipeline that is not started: what a use case works with. */
  prepare(overrides?: Overrides): Promise<Dependencies>;
  /** The names of all blobs there are. */
  blobs(): Promise<string[]>;
  provider(id: EmulatedId, account?: string): Provider;
  rows<Row extends object>(statement: string, values?: readonly unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

type EmulatedId = 'kimi' | 'glm';

/** Makes a world, that is a database, a directory and both emulators, for each test that asks; all end with the test. */
export const useTestWorlds = (databases: TestDatabases): (() => Promise<TestWorld>) => {
  const worlds: TestWorld[] = [];
  afterEach(async () => {
    await Promise.all(worlds.splice(0).map((world) => world.close()));
  });
  return async () => {
    const world = await createWorld(databases);
    worlds.push(world);
    return world;
  };
};

const createWorld = async (databases: TestDatabases): Promise<TestWorld> => {
  const variants: Partial<GlmVariants> = { types: 'any' };
  const [kimi, glm] = [
    await startClient(startKimiEmulator, {}),
    await startClient(startGlmEmulator, { limits: {}, variants }),
  ];
  const [url, directory] = [await databases.migrated(), await mkdtemp(join(tmpdir(), 'test-world-'))];
  const closing: (() => Promise<void>)[] = [];
  const emulators = { kimi, glm };
  const provider: TestWorld['provider'] = (id, account = 'account-1') =>
    adapters[id]({
      baseUrl: emulators[id].emulator.url,
      apiKey: API_KEY,
      account,
      emulated: true,
      limits: { maxFileBytes: 100 * MB, maxFiles: 1_000, maxTotalBytes: 10_000 * MB },
      timeouts: { connectMs: 5_000, idleMs: 10_000, totalMs: 30_000 },
    });

  const prepare = async ({
    quotaLimits = NO_LIMITS,
    ...overrides
  }: Overrides = {}): Promise<Dependencies> => {
    const { installation = 'installation-1' } = overrides;
    const blobs = await openDiskBlobStore(directory);
    const jobs = await startJobs({ url, schema: JOBS_SCHEMA, kinds: jobKinds, log });
    const background = createBackground(log);
    closing.push(async () => {
      await background.stop(0);
      await jobs.stop(0);
      await blobs.close();
    });
    const database = databases.open(url);
    const providers = new Map([
      ['kimi', provider('kimi')],
      ['glm', provider('glm')],
    ] as const);
    return {
      database,
      jobs,
      blobs,
      content: createContent(),
      changes: createFileChanges(),
      receptions: createReceptions(),
      guards: createGuards(),
      listLagMs: 50,
      providers,
      room: createAccountRoom(database, providers.values()),
      background,
      paths: await openPathPolicy({ allowed: [], mappings: [], dataDirectory: directory }),
      quotas: createQuotas({ database, installation, limits: quotaLimits }),
      commits: createCommits({ database, jobs }),
      maxFileBytes: 50 * MB,
      autoGlmAboveBytes: 10 * MB,
      retry: { attempts: 5, baseMs: 20, maxMs: 50 },
      metrics: createMetrics({ version: '0', emulated: true }),
      tracing: passiveTracing,
      installation,
      stopping: new AbortController().signal,
      log,
      ...overrides,
    };
  };
  return {
    kimi,
    glm,
    url,
    provider,
    prepare,
    start: async (overrides) => {
      const dependencies = await prepare(overrides);
      const pipeline = await startPipeline(dependencies);
      const stop = async (graceMs = 0): Promise<void> => {
        await dependencies.background.stop(graceMs);
        await dependencies.jobs.stop(graceMs);
      };
      return { ...pipeline, dependencies, stop };
    },
    rows: (statement, values) => databases.query(url, statement, values),
    blobs: async () => {
      const entries = await readdir(directory, { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    },
    close: async () => {
      await Promise.all(closing.map((close) => close()));
      await Promise.all([kimi.close(), glm.close()]);
      await rm(directory, { recursive: true, force: true });
    },
  };
};

export interface Sample extends Partial<Incoming> {
  readonly bytes?: Buffer;
  readonly to?: readonly ProviderId[] | 'auto';
}

/** A file on its way in, of random bytes unless told. */
export const sample = ({
  bytes = randomText(2_000),
  to = 'auto',
  ...rest
}: Sample = {}): Incoming & { readonly sha256: string } => {
  const options: UploadOptions = {
    purpose: 'user_data',
    destination: to === 'auto' ? { kind: 'auto' } : { kind: 'named', providers: to },
    expiresAfterMs: null,
    ...rest.options,
  };
  return {
    via: 'raw',
    filename: `notes-${randomUUID()}.txt`,
    mediaType: 'text/plain',
    sizeBytes: bytes.length,
    idempotencyKey: null,
    body: bodyOf(bytes),
    finalOptions: () => options,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    ...rest,
    options,
  };
};

/** The bytes in chunks of 64 KiB, as a socket gives them. */
export async function* bodyOf(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let from = 0; from < bytes.length; from += 65_536) yield bytes.subarray(from, from + 65_536);
}

/** The deliveries of a file as `provider: status`, sorted. */
export const statuses = ({ deliveries }: FileWithDeliveries): string[] =>
  deliveries.map(({ provider, status }) => `${provider}: ${status}`).sort();
