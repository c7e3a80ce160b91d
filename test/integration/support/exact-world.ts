import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { StoredFile } from '../../../emulators/file-shelf.ts';
import { startGlmEmulator } from '../../../emulators/glm.ts';
import { startKimiEmulator } from '../../../emulators/kimi.ts';
import { API_KEY, type EmulatorClient, startClient } from '../../../emulators/testing/emulator-client.ts';
import { openPathPolicy } from '../../../src/admission/path-policy.ts';
import type { DeliveryStatus, FileWithDeliveries } from '../../../src/core/file.ts';
import type { Incoming, UploadOptions } from '../../../src/core/incoming.ts';
import type { Provider } from '../../../src/core/provider.ts';
import { createContent } from '../../../src/ingest/content/content.ts';
import { createAccountRoom } from '../../../src/pipeline/account-room.ts';
import { createBackground } from '../../../src/pipeline/background.ts';
import { createCommits } from '../../../src/pipeline/commits.ts';
import type { Dependencies } from '../../../src/pipeline/dependencies.ts';
import { createFileChanges } from '../../../src/pipeline/file-changes.ts';
import { createGuards } from '../../../src/pipeline/guards.ts';
import { deliverJob, jobKinds, retireJob, tidyJob } from '../../../src/pipeline/job-kinds.ts';
import { type Pipeline, startPipeline } from '../../../src/pipeline/pipeline.ts';
import { createQuotas } from '../../../src/pipeline/quotas.ts';
import { createReceptions } from '../../../src/pipeline/receptions.ts';
import { openDatabase } from '../../../src/platform/database.ts';
import { startJobs } from '../../../src/platform/jobs.ts';
import { createMetrics } from '../../../src/platform/metrics.ts';
import { passiveTracing } from '../../../src/platform/tracing.ts';
import type { AdapterOptions } from '../../../src/providers/adapter.ts';
import { adapters } from '../../../src/providers/registry.ts';
import { openDiskBlobStore } from '../../../src/staging/disk-blob-store.ts';
import { randomText } from '../../support/random-text.ts';
import type { UploadFault } from './upload-faults.ts';

const MB = 2 ** 20;
const ACCOUNT = 'account-1';
/** Longer than any delivery here takes; a wait ends as soon as there is nothing to wait for. */
export const PATIENCE = { waitMs: 30_000 };

/** The providers whose emulators play here. */
export const played = ['kimi', 'glm'] as const;
export type Played = (typeof played)[number];

export interface Running extends Pipeline {
  readonly dependencies: Dependencies;
  /** Stops it as a gateway that gives running work no time. The record and the blobs stay. */
  stop(): Promise<void>;
}

/** What the record says of one copy, with what its provider holds under the copy's mark. */
export interface Ledger {
  readonly fileId: string;
  readonly provider: Played;
  readonly status: DeliveryStatus;
  readonly doubt: string;
  readonly attempts: number;
  readonly remoteId: string | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly mark: string;
  readonly sha256: string;
  /** The provider's files that bear the mark. */
  readonly there: readonly StoredFile[];
}

/** Both emulators, a database that is migrated, and a directory of blobs: what outlives a pipeline. */
export interface ExactWorld {
  readonly emulators: Readonly<Record<Played, EmulatorClient>>;
  /** The directory of the master copies. */
  readonly blobs: string;
  provider(id: Played, changes?: ProviderChanges): Provider;
  /** Starts a pipeline with short waits. It ends with `stop`, or with the world. */
  start(changes?: Partial<Dependencies>): Promise<Running>;
  /** Every row that is not deleted, oldest first; with `of`, those of these files. */
  ledger(of?: readonly string[]): Promise<readonly Ledger[]>;
  close(): Promise<void>;
}

type ProviderChanges = Partial<Pick<AdapterOptions, 'timeouts'>> & {
  readonly limits?: Partial<AdapterOptions['limits']>;
};

const QUICK_TIMEOUTS = { connectMs: 2_000, idleMs: 400, totalMs: 1_500 };
const LIMITS = { maxFileBytes: 100 * MB, maxTotalBytes: 10_000 * MB };
const QUICK_LAG_MS = 150;

/** Starts the emulators and opens the rest on the migrated database at `url`. The caller closes it. */
export const openExactWorld = async (
  url: string,
  schema: string,
  jobsSchema: string,
  { maxFiles = 1_000 }: { maxFiles?: number } = {},
): Promise<ExactWorld> => {
  const log = pino({ level: 'silent' });
  const directory = await mkdtemp(join(tmpdir(), 'exact-world-'));
  const emulators = {
    kimi: await startClient(startKimiEmulator, { limits: { maxFiles } }),
    glm: await startClient(startGlmEmulator, {
      limits: { maxFiles },
      variants: { types: 'any' as const },
    }),
  };
  const database = openDatabase({ url, schema, log });
  const running = new Set<Running>();
  const provider: ExactWorld['provider'] = (id, { limits = {}, timeouts = QUICK_TIMEOUTS } = {}) =>
    adapters[id]({
      baseUrl: emulators[id].emulator.url,
      apiKey: API_KEY,
      account: ACCOUNT,
      emulated: true,
      limits: { ...LIMITS, maxFiles, ...limits },
      timeouts,
    });

  const start: ExactWorld['start'] = async (changes = {}) => {
    const blobs = await openDiskBlobStore(directory);
    const jobs = await startJobs({ url, schema: jobsSchema, kinds: jobKinds, log });
    const providers = new Map(played.map((id) => [id, provider(id)]));
    const background = createBackground(log);
    const dependencies: Dependencies = {
      database,
      jobs,
      blobs,
      content: createContent(),
      changes: createFileChanges(),
      receptions: createReceptions(),
      guards: createGuards({ firstBreakMs: 50 }),
      providers,
      room: createAccountRoom(database, providers.values()),
      background,
      paths: await openPathPolicy({ allowed: [], mappings: [], dataDirectory: directory }),
      quotas: createQuotas({
        database,
        installation: 'installation-1',
        limits: { bytes: null, files: null },
      }),
      commits: createCommits({ database, jobs, tidyAfterMs: [] }),
      maxFileBytes: 50 * MB,
      autoGlmAboveBytes: 10 * MB,
      // Every try is a quick one.
      retry: { attempts: 1_000, baseMs: 20, maxMs: 60 },
      listLagMs: QUICK_LAG_MS,
      tidyAfterMs: [],
      metrics: createMetrics({ version: '0', emulated: true }),
      tracing: passiveTracing,
      installation: 'installation-1',
      stopping: new AbortController().signal,
      log,
      ...changes,
    };
    const pipeline = await startPipeline(dependencies);
    const started: Running = {
      ...pipeline,
      dependencies,
      stop: async () => {
        if (!running.delete(started)) return;
        await background.stop(0);
        await jobs.stop(0);
        await blobs.close();
      },
    };
    running.add(started);
    return started;
  };

  return {
    emulators,
    blobs: directory,
    provider,
    start,
    ledger: async (of) => {
      const rows = await database
        .selectFrom('provider_file_uploads as copy')
        .innerJoin('files as file', 'file.id', 'copy.file_id')
        .selectAll('copy')
        .select('file.sha256')
        .where('copy.status', '<>', 'deleted')
        .orderBy('copy.created_at')
        .execute();
      const held = { kimi: (await emulators.kimi.state()).files, glm: (await emulators.glm.state()).files };
      return rows
        .filter(({ file_id }) => of === undefined || of.includes(file_id))
        .map((row) => {
          const id = row.provider as Played;
          const mark = markOf(row.id);
          return {
            fileId: row.file_id,
            provider: id,
            status: row.status,
            doubt: row.doubt,
            attempts: row.attempts,
            remoteId: row.provider_file_id,
            errorCode: row.error_code,
            errorMessage: row.error_message,
            mark,
            sha256: row.sha256,
            there: held[id].filter(({ filename }) => filename.includes(mark)),
          };
        });
    },
    close: async () => {
      for (const each of running) await each.stop();
      await database.destroy();
      await Promise.all(played.map((id) => emulators[id].close()));
      await rm(directory, { recursive: true, force: true });
    },
  };
};

/** The mark by which a delivery's copies are told from others: what the design promises to find in a provider's list. */
const markOf = (deliveryId: string): string => `wb-${deliveryId.replaceAll('-', '').slice(-12)}`;

/** Every file that bears a mark of ours, whoever's it is. */
export const markedFiles = async (world: ExactWorld, id: Played): Promise<readonly StoredFile[]> =>
  (await world.emulators[id].state()).files.filter(({ filename }) => /\.wb-[0-9a-f]{12}\./u.test(filename));

/** Looks for due jobs at once: a pipeline that has just started learns of those left behind by its next poll only. */
export const wakeWorkers = async (
  { dependencies: { jobs, database } }: Running,
  endedId: string,
): Promise<void> => {
  for (const id of played) await jobs.send(database, deliverJob(id), { deliveryId: endedId });
};

export const tidyNow = async (
  { dependencies: { jobs, database } }: Running,
  deliveryId: string,
): Promise<void> => jobs.send(database, tidyJob, { deliveryId });

export const retireNow = async (
  { dependencies: { jobs, database } }: Running,
  fileId: string,
): Promise<void> => jobs.send(database, retireJob, { fileId });

export interface Sample {
  readonly bytes?: Buffer;
  readonly filename?: string;
  readonly to?: readonly Played[];
}

/** A file on its way in, of random bytes unless told. */
export const sample = ({
  bytes = randomText(2_000),
  filename = 'notes.txt',
  to = ['kimi'],
}: Sample = {}): Incoming & { readonly sha256: string } => {
  const options: UploadOptions = {
    purpose: 'user_data',
    destination: { kind: 'named', providers: to },
    expiresAfterMs: null,
  };
  return {
    via: 'raw',
    filename,
    mediaType: 'text/plain',
    sizeBytes: bytes.length,
    idempotencyKey: null,
    body: (async function* () {
      yield bytes;
    })(),
    options,
    finalOptions: () => options,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
};

/** Takes a file in and waits until its deliveries have ended. */
export const deliverSample = async (
  pipeline: Pipeline,
  of: Sample = {},
  owner = 'user-1',
): Promise<FileWithDeliveries> => {
  const { file } = await pipeline.receive(owner, sample(of));
  return pipeline.find(owner, file.id, PATIENCE);
};

/** Delivers `uploads` files to all played providers, each of which meets the fault there. */
export const meetFault = async (
  { emulators }: ExactWorld,
  running: Running,
  { fault, parameters = {}, sizeBytes = 2_000, once }: UploadFault,
  uploads: number,
): Promise<readonly FileWithDeliveries[]> => {
  const rounds = once === true ? uploads : 1;
  const files: FileWithDeliveries[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const together = uploads / rounds;
    for (const id of played)
      await emulators[id].fault(fault, { ...parameters, on: 'upload', times: together });
    const deliver = () => deliverSample(running, { to: played, bytes: randomText(sizeBytes) });
    files.push(...(await Promise.all(Array.from({ length: together }, deliver))));
  }
  return files;
};
