import { type ProviderId, providerIds } from '../core/provider.ts';
import { createCachedReading } from '../platform/cached-reading.ts';
import type {
  DifferencesReading,
  JobState,
  MovingStatus,
  ProviderReading,
  RecordReading,
} from '../platform/metrics-record.ts';
import {
  type HeldCopies,
  heldCopies,
  lastPasses,
  lastReconciliation,
  type MovingDeliveries,
  movingDeliveries,
  storageUse,
} from '../tracking/record-gauges.ts';
import type { Dependencies } from './dependencies.ts';
import { jobKinds } from './job-kinds.ts';

const MAX_AGE_MS = 10_000;
/** Whoever asks is not kept waiting for a record that does not answer. */
const PATIENCE_MS = 1_500;
const USE_PATIENCE_MS = 1_000;

/** Reads the record for all who watch the gateway. Null while it does not answer. */
export type ReadRecord = () => Promise<RecordReading | null>;

export const createRecordReading = (
  dependencies: Pick<Dependencies, 'database' | 'jobs' | 'providers'>,
): ReadRecord => {
  const { database } = dependencies;
  // The one statement that reads every copy; when there are many, it is made less often than the others.
  const use = createCachedReading({
    read: () => heldCopies(database),
    maxAgeMs: MAX_AGE_MS,
    patienceMs: USE_PATIENCE_MS,
    isCostly: true,
  });
  return createCachedReading({
    read: () => read(dependencies, use),
    maxAgeMs: MAX_AGE_MS,
    patienceMs: PATIENCE_MS,
  });
};

const read = async (
  { database, jobs, providers }: Pick<Dependencies, 'database' | 'jobs' | 'providers'>,
  readUse: () => Promise<readonly HeldCopies[] | null>,
): Promise<RecordReading> => {
  const [use, moving, storage, counts, passes, accounts] = await Promise.all([
    readUse(),
    movingDeliveries(database),
    storageUse(database),
    jobs.count(database),
    lastPasses(database),
    lastReconciliation(database),
  ]);
  const known = new Set([...moving, ...(use ?? [])].map(({ provider }) => provider));
  const shown = providerIds.filter((id) => providers.has(id) || known.has(id));
  return {
    storageBytes: storage.bytes,
    liveFiles: storage.files,
    providers: new Map(shown.map((id) => [id, providerReading(id, moving, use)])),
    queues: new Map(
      jobKinds.map(({ queue }) => [queue, queueReading(counts.filter((one) => one.queue === queue))]),
    ),
    passes: new Map(
      passes.map(({ kind, status, lastCompletedAt }) => [kind, { lastCompletedAt, lastStatus: status }]),
    ),
    differences: differencesOf(accounts),
  };
};

const providerReading = (
  id: ProviderId,
  moving: readonly MovingDeliveries[],
  use: readonly HeldCopies[] | null,
): ProviderReading => {
  const of = (status: MovingStatus): MovingDeliveries | undefined =>
    moving.find((one) => one.provider === id && one.status === status);
  const count = (status: MovingStatus): number => of(status)?.count ?? 0;
  const kept = use?.filter(({ provider }) => provider === id);
  return {
    deliveries: {
      pending: count('pending'),
      uploading: count('uploading'),
      processing: count('processing'),
      deleting: count('deleting'),
    },
    queueAgeSeconds: of('pending')?.ageSeconds ?? 0,
    removalAgeSeconds: of('deleting')?.ageSeconds ?? 0,
    used:
      kept === undefined
        ? null
        : { bytes: sum(kept.map(({ bytes }) => bytes)), files: sum(kept.map(({ files }) => files)) },
  };
};

const queueReading = (
  counts: Awaited<ReturnType<Dependencies['jobs']['count']>>,
): { counts: Record<JobState, number>; ageSeconds: number } => {
  const of = (state: JobState): number =>
    sum(counts.filter((one) => one.state === state).map(({ count }) => count));
  return {
    counts: { created: of('created'), retry: of('retry'), active: of('active'), failed: of('failed') },
    ageSeconds: Math.max(0, ...counts.map(({ ageSeconds }) => ageSeconds)),
  };
};

const differencesOf = (
  accounts: Awaited<ReturnType<typeof lastReconciliation>>,
): ReadonlyMap<ProviderId, DifferencesReading> =>
  new Map(
    [...Map.groupBy(accounts, ({ provider }) => provider)].map(([provider, own]) => [
      provider,
      {
        ghost: sum(own.map(({ ghosts }) => ghosts.redelivered + ghosts.marked + ghosts.left)),
        orphan: sum(own.map(({ orphans }) => orphans.adopted + orphans.removed + orphans.left)),
        foreign: sum(own.map(({ foreign }) => foreign)),
        mismatched: sum(own.map(({ mismatched }) => mismatched)),
        isUnreadable: own.some(({ state }) => state === 'list_failed' || state === 'suspicious'),
      },
    ]),
  );

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
