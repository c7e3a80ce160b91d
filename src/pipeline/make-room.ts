import { GatewayError } from '../core/errors.ts';
import type { TrackedFile } from '../core/file.ts';
import type { Provider } from '../core/provider.ts';
import { removeRecorded } from '../delivery/attempt.ts';
import { transact } from '../platform/database.ts';
import { type AccountUse, accountUse } from '../tracking/accounts.ts';
import { clearEvicted, type EvictedCopy, evictLeastRecentlyUsed } from '../tracking/evictions.ts';
import { isUnreconciled } from '../tracking/restored.ts';
import type { Dependencies } from './dependencies.ts';
import { evictJob } from './job-kinds.ts';

/**
 * Makes sure that an account has room for a file that is about to be sent, by removing the least recently used copies
 * whose master we hold; they come back on use. Rejects with `provider_quota_exceeded` when nothing can go. Deliveries
 * that are being sent count as held, so that several at once do not share one free place.
 */
export const makeRoom = async (
  dependencies: Dependencies,
  provider: Provider,
  file: TrackedFile,
  signal: AbortSignal,
): Promise<void> => {
  const { database, room } = dependencies;
  if (await room.isAmple(provider, file.sizeBytes)) return;
  while (true) {
    const use = await accountUse(database, provider);
    if (fits(use, provider)) return;
    const evicted = await startEviction(dependencies, provider, file.id);
    if (evicted === null) throw full(use, provider);
    await removeEvicted(dependencies, provider, evicted, signal);
  }
};

type Use = Pick<AccountUse, 'files' | 'bytes'>;

const fits = ({ files, bytes }: Use, { capabilities }: Provider): boolean =>
  files <= (capabilities.maxFiles ?? Number.POSITIVE_INFINITY) &&
  bytes <= (capabilities.maxTotalBytes ?? Number.POSITIVE_INFINITY);

const full = ({ files, bytes }: Use, { id, capabilities }: Provider): GatewayError =>
  new GatewayError(
    'provider_quota_exceeded',
    `The account at ${id} is full: ${files} files and ${bytes} bytes of ${capabilities.maxFiles} and ${capabilities.maxTotalBytes}, and every copy is in use.`,
    { retry: 'later' },
  );

/** The record gives the copy up first, with the job that removes it should we die before we have. */
const startEviction = (
  { database, jobs }: Dependencies,
  { id, account }: Provider,
  exceptFileId: string,
): Promise<EvictedCopy | null> =>
  transact(database, async (trx) => {
    if (await isUnreconciled(trx)) return null;
    const evicted = await evictLeastRecentlyUsed(trx, { provider: id, account, exceptFileId });
    if (evicted !== null) await jobs.send(trx, evictJob, { deliveryId: evicted.id }, { delayMs: 60_000 });
    return evicted;
  });

export const removeEvicted = async (
  { database, log, changes }: Dependencies,
  provider: Provider,
  { id, fileId, remoteId }: EvictedCopy,
  signal: AbortSignal,
): Promise<void> => {
  if (!(await removeRecorded(provider, { remoteId }, signal)))
    log.error({ event: 'copy_not_ours', file: fileId, provider: provider.id });
  await clearEvicted(database, id, remoteId);
  changes.announce(fileId);
  log.info({ event: 'copy_evicted', file: fileId, provider: provider.id });
};
