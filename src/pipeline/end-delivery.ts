import type { Delivery, FileWithDeliveries, TrackedFile } from '../core/file.ts';
import { pipeline, type Queryable, transact } from '../platform/database.ts';
import { deliveriesOf } from '../tracking/deliveries.ts';
import {
  type CompletedAttempt,
  completeAttempts,
  type DeliveryOutcome,
  endAttempt,
} from '../tracking/delivery-attempts.ts';
import { markDeliveryDeleted, markDeliveryDeleting } from '../tracking/delivery-removals.ts';
import { lockFile, lockFiles, setFileStatuses } from '../tracking/files.ts';
import type { Dependencies } from './dependencies.ts';
import { deliverJob, retireJob, settleJob, tidyJob } from './job-kinds.ts';
import { type SettledFile, settle, settleFile, settleFiles } from './settle-file.ts';

/** When copies that surfaced after all are looked for: a request given up may still land at the provider. */
const TIDY_AFTER_MS = [60_000, 15 * 60_000];
const POLL_PROCESSING_MS = 2_000;

/** What an end is recorded with. */
type Recording = Pick<Dependencies, 'database' | 'jobs' | 'tidyAfterMs'>;

/**
 * Records how an attempt ended and, in the same transaction, sends the jobs of what follows from it. False: the claim was
 * lost, or the file deleted, meanwhile.
 */
export const endDelivery = async (
  dependencies: Recording,
  delivery: Delivery,
  outcome: DeliveryOutcome,
): Promise<boolean> =>
  transact(dependencies.database, async (trx) => {
    const file = await lockFile(trx, delivery.fileId);
    const ended = await endAttempt(trx, delivery, outcome);
    if (ended === null) return false;
    await followUp(dependencies, trx, { file, ended, dueInMs: outcome.dueInMs });
    if (file.deletedAt !== null) return false;
    await settleFile(trx, file.id);
    return true;
  });

/** A delivery whose copy is there. */
export interface CompletedDelivery extends CompletedAttempt {
  readonly fileId: string;
}

/**
 * Records many copies that arrived, all in one transaction, with the jobs of what follows. Answers with each file as it
 * then is; null for one whose claim was lost or that was deleted meanwhile.
 */
export const completeDeliveries = async (
  dependencies: Recording,
  completed: readonly CompletedDelivery[],
): Promise<readonly (FileWithDeliveries | null)[]> => {
  // Nothing follows from a copy that arrived at once; so there are no jobs to be sent, and no need to wait in between.
  const isPlain = completed.every(({ attempts, status }) => attempts === 1 && status === 'completed');
  return (isPlain ? await completePlain(dependencies, completed) : null) ?? complete(dependencies, completed);
};

const complete = (
  dependencies: Recording,
  completed: readonly CompletedDelivery[],
): Promise<readonly (FileWithDeliveries | null)[]> =>
  transact(dependencies.database, async (trx) => {
    const files = await lockFiles(trx, idsOf(completed));
    const changed = new Set<string>();
    for (const ended of await completeAttempts(trx, completed)) {
      const file = files.get(ended.fileId);
      if (file === undefined) continue;
      await followUp(dependencies, trx, { file, ended });
      if (file.deletedAt === null) changed.add(file.id);
    }
    return asTheyAre(completed, files, await settleFiles(trx, [...changed]));
  });

/** Null when there is more to it, because a file was deleted meanwhile; then nothing was done. */
const completePlain = (
  { database }: Recording,
  completed: readonly CompletedDelivery[],
): Promise<readonly (FileWithDeliveries | null)[] | null> =>
  pipeline(database, async ({ send, commit }) => {
    const ids = idsOf(completed);
    const [files, ended, found] = await Promise.all([
      lockFiles(database, ids, send),
      completeAttempts(database, completed, send),
      deliveriesOf(database, ids, send),
    ]);
    if ([...files.values()].some(({ deletedAt }) => deletedAt !== null)) return null;
    const settled = settle([...new Set(ended.map(({ fileId }) => fileId))], found);
    await Promise.all([setFileStatuses(database, [...settled.values()], send), commit()]);
    return asTheyAre(completed, files, settled);
  });

const idsOf = (completed: readonly CompletedDelivery[]): readonly string[] => [
  ...new Set(completed.map(({ fileId }) => fileId)),
];

const asTheyAre = (
  completed: readonly CompletedDelivery[],
  files: ReadonlyMap<string, TrackedFile>,
  settled: ReadonlyMap<string, SettledFile>,
): readonly (FileWithDeliveries | null)[] =>
  completed.map(({ fileId }) => {
    const [file, now] = [files.get(fileId), settled.get(fileId)];
    if (file === undefined || now === undefined) return null;
    const { status, statusDetails, deliveries } = now;
    return { file: { ...file, status, statusDetails }, deliveries };
  });

interface Ended {
  readonly file: TrackedFile;
  readonly ended: Delivery;
  readonly dueInMs?: number | undefined;
}

const followUp = async (
  dependencies: Recording,
  trx: Queryable,
  { file, ended, dueInMs = 0 }: Ended,
): Promise<void> => {
  const { jobs } = dependencies;
  if (file.deletedAt !== null) return await moveToRemoval(trx, jobs, ended);
  const data = { deliveryId: ended.id };
  if (ended.status === 'pending')
    await jobs.send(trx, deliverJob(ended.provider), data, { delayMs: dueInMs });
  if (ended.status === 'processing') await jobs.send(trx, settleJob, data, { delayMs: POLL_PROCESSING_MS });
  const mayHaveLeftCopies =
    ended.status === 'failed' ? ended.doubt !== 'none' : ended.status !== 'pending' && ended.attempts > 1;
  if (mayHaveLeftCopies) await sendTidying(dependencies, trx, ended.id);
};

/** Has copies looked for that surface late. */
export const sendTidying = async (
  { jobs, tidyAfterMs = TIDY_AFTER_MS }: Recording,
  trx: Queryable,
  deliveryId: string,
): Promise<void> => {
  for (const delayMs of tidyAfterMs) await jobs.send(trx, tidyJob, { deliveryId }, { delayMs });
};

/** The file went while its copy was under way: the copy has to go too, unless there surely is none. */
const moveToRemoval = async (trx: Queryable, jobs: Dependencies['jobs'], ended: Delivery): Promise<void> => {
  await markDeliveryDeleting(trx, ended.id);
  if (ended.remoteId === null && ended.doubt === 'none') await markDeliveryDeleted(trx, ended.id);
  await jobs.send(trx, retireJob, { fileId: ended.fileId });
};
