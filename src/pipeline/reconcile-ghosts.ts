import type { TrackedFile } from '../core/file.ts';
import type { RemoteFile } from '../core/provider.ts';
import { isAdoptable } from '../lifecycle/reconcile-orphan.ts';
import { type Queryable, transact } from '../platform/database.ts';
import { getDelivery, giveUpCopy, restartDelivery } from '../tracking/deliveries.ts';
import { getFile, lockFiles } from '../tracking/files.ts';
import { forgetCopy, servedBy, type TrackedCopy } from '../tracking/reconcile.ts';
import { type Dependencies, LIST_LAG_MS } from './dependencies.ts';
import { deliverJob } from './job-kinds.ts';
import { lookUpRemote, type Reconciling } from './reconcile-call.ts';
import type { Orphan } from './reconcile-list.ts';
import { adoptRemote, confirmOrphan } from './reconcile-orphans.ts';
import { settleFiles } from './settle-file.ts';

/** A copy that the record has and the list does not show. */
export interface Ghost {
  readonly copy: TrackedCopy;
  /** A file in the list that the same delivery has sent, as where the record is older than what the provider has. */
  readonly spare: Orphan | null;
}

export interface SettledGhosts {
  readonly redelivered: number;
  readonly marked: number;
  readonly left: number;
  /** The ids of spares that took the place of copies that are gone. */
  readonly adopted: ReadonlySet<string>;
}

type Settled = 'redelivered' | 'marked' | 'left' | 'replaced';

/** Settles copies that are gone, one by one, each once the provider has said by its id that it does not have it. */
export const settleGhosts = async (
  reconciling: Reconciling,
  ghosts: readonly Ghost[],
): Promise<SettledGhosts> => {
  const counts = { redelivered: 0, marked: 0, left: 0 };
  const adopted = new Set<string>();
  for (const ghost of ghosts) {
    const settled = await settleGhost(reconciling, ghost);
    if (settled !== 'replaced') counts[settled] += 1;
    else if (ghost.spare !== null) adopted.add(ghost.spare.remote.id);
  }
  return { ...counts, adopted };
};

const settleGhost = async (reconciling: Reconciling, ghost: Ghost): Promise<Settled> => {
  const { dependencies, provider, mode, signal } = reconciling;
  const { status, fileId, remoteId } = ghost.copy;
  // A job of its own asks the provider about a copy that is being processed.
  if (status === 'processing') return 'left';
  try {
    if ((await lookUpRemote(reconciling, remoteId)) !== null) return 'left';
    const settled =
      status === 'completed' ? await replaceLost(reconciling, ghost) : await forgetLost(reconciling, ghost);
    if (mode === 'repair')
      dependencies.log.info({ event: 'ghost_settled', file: fileId, provider: provider.id, settled });
    return settled;
  } catch (error) {
    signal.throwIfAborted();
    dependencies.log.warn({ event: 'ghost_left', file: fileId, provider: provider.id, err: error });
    return 'left';
  }
};

/** Nothing depends on the copy of a delivery that failed or was evicted. */
const forgetLost = async (
  { dependencies: { database }, mode }: Reconciling,
  { copy }: Ghost,
): Promise<Settled> => (mode === 'report' || (await forgetCopy(database, copy)) ? 'marked' : 'left');

const replaceLost = async (reconciling: Reconciling, { copy, spare }: Ghost): Promise<Settled> => {
  const { dependencies, mode } = reconciling;
  const { database, changes } = dependencies;
  const replacement = spare === null ? null : await confirmOrphan(reconciling, spare);
  if (mode === 'report') return foreseen(await getFile(database, copy.fileId), copy, replacement);
  const { settled, fileIds } = await transact(database, (trx) =>
    replaceInRecord(reconciling, trx, copy, replacement),
  );
  for (const fileId of fileIds) changes.announce(fileId);
  return settled;
};

const foreseen = (file: TrackedFile, copy: TrackedCopy, replacement: RemoteFile | null): Settled => {
  if (!isWanted(file, copy)) return 'marked';
  return replacement !== null && isAdoptable(file, replacement) ? 'replaced' : 'redelivered';
};

/** Not where the provider said that it would keep the copy no longer, nor where there is nothing to send or nobody to send it for. */
const isWanted = ({ deletedAt, purgedAt, expiresAt }: TrackedFile, copy: TrackedCopy): boolean =>
  !copy.isExpired &&
  deletedAt === null &&
  purgedAt === null &&
  (expiresAt === null || expiresAt.getTime() > Date.now());

const replaceInRecord = async (
  { dependencies }: Reconciling,
  trx: Queryable,
  copy: TrackedCopy,
  replacement: RemoteFile | null,
): Promise<{ settled: Settled; fileIds: readonly string[] }> => {
  const served = await servedBy(trx, copy.id);
  const fileIds = [...new Set([copy, ...served].map(({ fileId }) => fileId))];
  const files = await lockFiles(trx, fileIds);
  const isWantedBy = ({ fileId }: Pick<TrackedCopy, 'fileId'>): boolean => {
    const file = files.get(fileId);
    return file !== undefined && isWanted(file, copy);
  };
  if (!(await giveUpCopy(trx, { ...copy, shares: null }))) return { settled: 'left', fileIds: [] };
  const sizeBytes = files.get(copy.fileId)?.sizeBytes ?? 0;
  const settled = isWantedBy(copy)
    ? await bringBack(dependencies, trx, { copy, sizeBytes, replacement })
    : 'marked';
  // Those that it served are served by the new one, once that is there.
  const { listLagMs: delayMs = LIST_LAG_MS } = dependencies;
  for (const { id } of served.filter(isWantedBy))
    await sendAgain(dependencies, trx, { ...copy, id }, delayMs);
  await settleFiles(trx, fileIds);
  return { settled, fileIds };
};

const bringBack = async (
  dependencies: Dependencies,
  trx: Queryable,
  { copy, sizeBytes, replacement }: { copy: TrackedCopy; sizeBytes: number; replacement: RemoteFile | null },
): Promise<Settled> => {
  const { attempts, status } = await getDelivery(trx, copy.id);
  const isReplaced =
    replacement !== null &&
    isAdoptable({ sizeBytes }, replacement) &&
    (await adoptRemote(dependencies, trx, { id: copy.id, attempts, status, sizeBytes }, replacement));
  if (isReplaced) return 'replaced';
  await sendAgain(dependencies, trx, copy, 0);
  return 'redelivered';
};

const sendAgain = async (
  { jobs }: Dependencies,
  trx: Queryable,
  { id, provider }: Pick<TrackedCopy, 'id' | 'provider'>,
  delayMs: number,
): Promise<void> => {
  const restarted = await restartDelivery(trx, id, `Delivered again: the copy at ${provider} was gone.`);
  if (restarted !== null) await jobs.send(trx, deliverJob(provider), { deliveryId: id }, { delayMs });
};
