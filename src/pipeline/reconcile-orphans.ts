import type { Delivery } from '../core/file.ts';
import type { RemoteFile } from '../core/provider.ts';
import type { AccountReport } from '../core/reconcile-report.ts';
import { lastMark } from '../delivery/sent-name.ts';
import { orphanFate } from '../lifecycle/reconcile-orphan.ts';
import { type Queryable, transact } from '../platform/database.ts';
import { recordedCopies } from '../tracking/delivery-removals.ts';
import { lockFile } from '../tracking/files.ts';
import { adoptCopy, isBeingSent, type Sender, sendersByMark } from '../tracking/reconcile.ts';
import type { Dependencies } from './dependencies.ts';
import { settleJob } from './job-kinds.ts';
import { callProvider, lookUpRemote, type Reconciling } from './reconcile-call.ts';
import type { Orphan } from './reconcile-list.ts';
import { settleFile } from './settle-file.ts';

type Settled = keyof AccountReport['orphans'];

/** Settles files that are ours and that no record names, one by one, each by what the record says of it at that moment. */
export const settleOrphans = async (
  reconciling: Reconciling,
  orphans: readonly Orphan[],
): Promise<AccountReport['orphans']> => {
  const { dependencies, provider, mode, signal } = reconciling;
  const counts = { adopted: 0, removed: 0, left: 0 };
  for (const orphan of orphans) {
    const place = { file: orphan.fileId, provider: provider.id, remote: orphan.remote.id };
    try {
      const settled = await settleOrphan(reconciling, orphan);
      counts[settled] += 1;
      if (mode === 'repair') dependencies.log.info({ event: 'orphan_settled', ...place, settled });
    } catch (error) {
      signal.throwIfAborted();
      counts.left += 1;
      dependencies.log.warn({ event: 'orphan_left', ...place, err: error });
    }
  }
  return counts;
};

/** The file as its provider has it by its id, if that is under the name that the list gave: a list may lie or lag. */
export const confirmOrphan = async (
  reconciling: Reconciling,
  { remote: { id }, mark }: Orphan,
): Promise<RemoteFile | null> => {
  const remote = await lookUpRemote(reconciling, id);
  return remote !== null && lastMark(remote.filename) === mark ? remote : null;
};

const settleOrphan = async (reconciling: Reconciling, orphan: Orphan): Promise<Settled> => {
  const remote = await confirmOrphan(reconciling, orphan);
  const sender = remote === null ? null : await findSender(reconciling, orphan);
  if (remote === null || sender === null) return 'left';
  switch (orphanFate(sender, remote, reconciling)) {
    case 'adopt':
      return (await adopt(reconciling, sender, remote)) ? 'adopted' : 'left';
    case 'remove':
      return await remove(reconciling, sender, remote);
    default:
      return 'left';
  }
};

/** Who has sent the file, as the record is now; null when a record names the file after all. */
const findSender = async (
  { dependencies: { database }, provider }: Reconciling,
  { mark, remote }: Orphan,
): Promise<Sender | null> => {
  const sender = (await sendersByMark(database, provider.id, [mark])).get(mark) ?? null;
  const account = { provider: provider.id, account: provider.account };
  const named = await recordedCopies(database, account, [remote.id]);
  return named.has(remote.id) ? null : sender;
};

const remove = async (reconciling: Reconciling, { fileId }: Sender, { id }: RemoteFile): Promise<Settled> => {
  const { dependencies, provider, mode } = reconciling;
  const account = { provider: provider.id, account: provider.account };
  // Whoever sends the same bytes may be given this file for its own.
  const mayBeGiven = provider.capabilities.recognisesBytes === true;
  if (mayBeGiven && (await isBeingSent(dependencies.database, account, fileId))) return 'left';
  if (mode === 'repair') await callProvider(reconciling, () => provider.remove(id, reconciling));
  return 'removed';
};

const adopt = async (
  { dependencies, mode }: Reconciling,
  sender: Sender,
  remote: RemoteFile,
): Promise<boolean> => {
  if (mode === 'report') return true;
  const isAdopted = await transact(dependencies.database, async (trx) => {
    const { id, deletedAt } = await lockFile(trx, sender.fileId);
    if (deletedAt !== null || !(await adoptRemote(dependencies, trx, sender, remote))) return false;
    await settleFile(trx, id);
    return true;
  });
  if (isAdopted) dependencies.changes.announce(sender.fileId);
  return isAdopted;
};

/** Makes a provider's file the delivery's copy. The caller holds the lock of its file and settles it. False: it cannot be. */
export const adoptRemote = async (
  { jobs }: Pick<Dependencies, 'jobs'>,
  trx: Queryable,
  delivery: Pick<Delivery, 'id' | 'attempts' | 'status'> & { readonly sizeBytes: number },
  { id: remoteId, state, expiresAt }: RemoteFile,
): Promise<boolean> => {
  const status = state === 'processing' ? 'processing' : 'completed';
  const { sizeBytes } = delivery;
  if (!(await adoptCopy(trx, delivery, { remoteId, status, sizeBytes, expiresAt }))) return false;
  if (status === 'processing') await jobs.send(trx, settleJob, { deliveryId: delivery.id });
  return true;
};
