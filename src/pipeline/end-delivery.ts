import type { Delivery } from '../core/file.ts';
import { type Queryable, transact } from '../platform/database.ts';
import {
  type DeliveryOutcome,
  endAttempt,
  markDeliveryDeleted,
  markDeliveryDeleting,
} from '../tracking/deliveries.ts';
import { lockFile } from '../tracking/files.ts';
import type { Dependencies } from './dependencies.ts';
import { deliverJob, retireJob, settleJob, tidyJob } from './job-kinds.ts';
import { settleFile } from './settle-file.ts';

/** When copies that surfaced after all are looked for: a request given up may still land at the provider. */
const TIDY_AFTER_MS = [60_000, 15 * 60_000];
const POLL_PROCESSING_MS = 2_000;

/** Records how an attempt ended and, in the same transaction, sends the jobs of what follows from it. */
export const endDelivery = async (
  dependencies: Dependencies,
  delivery: Delivery,
  outcome: DeliveryOutcome,
): Promise<void> => {
  const { database, jobs } = dependencies;
  await transact(database, async (trx) => {
    const file = await lockFile(trx, delivery.fileId);
    const ended = await endAttempt(trx, delivery, outcome);
    if (ended === null) return;
    if (file.deletedAt !== null) return await moveToRemoval(trx, jobs, ended);
    const data = { deliveryId: ended.id };
    if (outcome.status === 'pending')
      await jobs.send(trx, deliverJob(ended.provider), data, { delayMs: outcome.dueInMs ?? 0 });
    if (outcome.status === 'processing')
      await jobs.send(trx, settleJob, data, { delayMs: POLL_PROCESSING_MS });
    const mayHaveLeftCopies =
      outcome.remoteId === undefined
        ? ended.status === 'failed' && ended.doubt !== 'none'
        : delivery.attempts > 1;
    if (mayHaveLeftCopies) await sendTidying(dependencies, trx, ended.id);
    await settleFile(trx, file.id);
  });
};

/** Has copies looked for that surface late. */
export const sendTidying = async (
  { jobs, tidyAfterMs = TIDY_AFTER_MS }: Dependencies,
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
