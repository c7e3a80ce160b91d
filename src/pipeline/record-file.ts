import { randomUUID } from 'node:crypto';
import type { CommittedBlob } from '../core/blob-store.ts';
import { systemCode } from '../core/errors.ts';
import { type FileWithDeliveries, fileStatus } from '../core/file.ts';
import type { UploadOptions } from '../core/incoming.ts';
import type { Acceptance } from '../delivery/route.ts';
import { execute, pipeline, type Queryable, type Run, transact } from '../platform/database.ts';
import { insertDeliveries, type NewDelivery } from '../tracking/deliveries.ts';
import { filesWithTwins, insertFiles, type NewFile } from '../tracking/files.ts';
import { RESERVATION_LOST } from '../tracking/quotas.ts';
import type { EarlyCopy } from './cut-through.ts';
import { directClaim } from './deliver-directly.ts';
import type { Dependencies } from './dependencies.ts';
import { deliverJob } from './job-kinds.ts';

/** A file whose bytes are safe, as it is to be recorded. */
export interface RecordFile extends CommittedBlob {
  readonly fileId: string;
  readonly blobKey: string;
  readonly owner: string;
  readonly filename: string;
  readonly mediaType: string;
  readonly options: UploadOptions;
  readonly routed: readonly Acceptance[];
  /** Copies of it that are on their way already. */
  readonly early: readonly EarlyCopy[];
  /** What has to be true for it to be recorded, and rejects if it is not. */
  readonly beforehand?: ((trx: Queryable) => Promise<void>) | undefined;
  /** What else is to be true together with the file, and undoes it by rejecting. */
  readonly alongside?: ((trx: Queryable, sha256: string) => Promise<void>) | undefined;
}

/** A file on record. */
export interface Recorded extends FileWithDeliveries {
  /** Whether the owner has other files of the same bytes, whose copies may serve this one. */
  readonly hasTwin: boolean;
}

/** A file that was put on record a moment ago. */
export interface JustRecorded extends Recorded {
  /** By `performance.now()`, before the record was made: since then what was claimed with it is ours at the most. */
  readonly sinceMs: number;
}

/**
 * Records a file, its deliveries, and for those that have to wait their jobs, in one transaction. The others are recorded
 * as claimed by this process, which has to carry them out (`deliverDirectly`). The room that was reserved for it ends with
 * it; should it have lapsed, it is asked for again, and there may be none: `quota_exceeded`.
 */
export const recordFile = async (dependencies: Dependencies, record: RecordFile): Promise<JustRecorded> => {
  const sinceMs = performance.now();
  try {
    return { ...(await recordOnce(dependencies, record)), sinceMs };
  } catch (error) {
    if (systemCode(error) !== RESERVATION_LOST) throw error;
    const { fileId: id, owner, sizeBytes } = record;
    await dependencies.quotas.cover({ id, owner, sizeBytes });
    return { ...(await recordOnce(dependencies, record)), sinceMs };
  }
};

const recordOnce = async (dependencies: Dependencies, record: RecordFile): Promise<Recorded> => {
  const planned = plan(dependencies, record);
  if (record.beforehand === undefined && record.alongside === undefined)
    return await dependencies.commits.record(planned);
  return await transact(dependencies.database, async (trx) => {
    await record.beforehand?.(trx);
    const [recorded] = await insertPlanned(dependencies, trx, [planned]);
    if (recorded === undefined) throw new Error('The file was not recorded.');
    await record.alongside?.(trx, record.sha256);
    return recorded;
  });
};

/** Files with their deliveries as they are to be recorded. */
export interface PlannedFile {
  readonly file: NewFile;
  readonly deliveries: readonly NewDelivery[];
}

/** Records many files in one transaction. */
export const recordFiles = (
  dependencies: Pick<Dependencies, 'database' | 'jobs'>,
  planned: readonly PlannedFile[],
): Promise<readonly Recorded[]> => {
  const { database } = dependencies;
  const wantsJobs = planned.some(({ deliveries }) => deliveries.some(isForTheQueue));
  if (wantsJobs) return transact(database, (trx) => insertPlanned(dependencies, trx, planned));
  return pipeline(database, async ({ send, commit }) => {
    const inserting = insertRows(database, planned, send);
    const [recorded] = await Promise.all([inserting, commit()]);
    return recorded;
  });
};

const isForTheQueue = ({ status, claim }: NewDelivery): boolean => status === 'pending' && claim === null;

const insertPlanned = async (
  { jobs }: Pick<Dependencies, 'jobs'>,
  trx: Queryable,
  planned: readonly PlannedFile[],
): Promise<readonly Recorded[]> => {
  const recorded = await insertRows(trx, planned, execute);
  for (const { id: deliveryId, status, provider } of recorded.flatMap(({ deliveries }) => deliveries)) {
    if (status === 'pending') await jobs.send(trx, deliverJob(provider), { deliveryId });
  }
  return recorded;
};

/** All statements are begun before the first is awaited, so that a pipeline sends them together. */
const insertRows = async (
  db: Queryable,
  planned: readonly PlannedFile[],
  run: Run,
): Promise<readonly Recorded[]> => {
  const files = planned.map(({ file }) => file);
  const delivered = planned.filter(({ deliveries }) => deliveries.length > 0).map(({ file }) => file);
  const [inserted, copies, twins] = await Promise.all([
    insertFiles(db, files, run),
    insertDeliveries(
      db,
      planned.flatMap(({ deliveries }) => deliveries),
      run,
    ),
    filesWithTwins(db, delivered, run),
  ]);
  const deliveries = Map.groupBy(copies, ({ fileId }) => fileId);
  return inserted.map((file) => ({
    file,
    deliveries: deliveries.get(file.id) ?? [],
    hasTwin: twins.has(file.id),
  }));
};

const plan = (dependencies: Dependencies, record: RecordFile): PlannedFile => {
  const { fileId, owner, filename, mediaType, options, routed, early, blobKey, sizeBytes, sha256 } = record;
  const context = { fileId, purpose: options.purpose, early };
  const deliveries = routed.map((acceptance) => planDelivery(dependencies, context, acceptance));
  const expiresAt = options.expiresAfterMs === null ? null : new Date(Date.now() + options.expiresAfterMs);
  const facts = { owner, filename, mediaType, blobKey, sizeBytes, sha256 };
  const file = { id: fileId, purpose: options.purpose, status: fileStatus(deliveries), expiresAt, ...facts };
  return { file, deliveries };
};

const planDelivery = (
  dependencies: Dependencies,
  { fileId, purpose, early }: Pick<RecordFile, 'fileId' | 'early'> & { purpose: string },
  acceptance: Acceptance,
): NewDelivery => {
  const { provider, reason } = acceptance;
  const common = { id: randomUUID(), fileId, provider: provider.id, account: provider.account, reason };
  if (!acceptance.accepted) {
    const refusal = { errorCode: 'no_provider_accepts', errorMessage: reason } as const;
    return { ...common, ...refusal, purpose, status: 'failed', claim: null };
  }
  const begun = early.find(({ send }) => send.provider === provider)?.send;
  return {
    ...common,
    // The id is in the name that the copy is sent under.
    id: begun?.delivery.id ?? common.id,
    purpose: acceptance.purpose,
    status: 'pending',
    claim: directClaim(dependencies, provider),
    errorCode: null,
    errorMessage: null,
  };
};
