import { GatewayError } from '../core/errors.ts';
import type { Provider } from '../core/provider.ts';
import type { AccountReport } from '../core/reconcile-report.ts';
import { beliefIn } from '../lifecycle/reconcile-belief.ts';
import { recordTime, type TrackedCopy, trackedCopies } from '../tracking/reconcile.ts';
import { type Dependencies, LIST_LAG_MS } from './dependencies.ts';
import { lookUpRemote, type Reconciling } from './reconcile-call.ts';
import { settleGhosts } from './reconcile-ghosts.ts';
import { type ComparedList, compareList } from './reconcile-list.ts';
import { settleOrphans } from './reconcile-orphans.ts';

/** How many ghosts, and how many orphans, of one account a pass takes on; the next one goes on. */
const AT_MOST = 1_000;

/**
 * Compares one account with the record as it was before the list began, both ways, and settles what differs. `accounts` are
 * all that the record knows at the provider. Rejects only when the record fails or the signal aborts: what the provider does
 * is in the report.
 */
export const reconcileAccount = async (
  reconciling: Reconciling,
  accounts: readonly string[],
): Promise<AccountReport> => {
  const { dependencies, provider, signal } = reconciling;
  const { database, guards, listLagMs = LIST_LAG_MS } = dependencies;
  const settledBefore = await recordTime(database, listLagMs);
  let list: ComparedList;
  try {
    list = await guards.of(provider).run(() => compareList(database, provider, { accounts, signal }));
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof GatewayError)) throw error;
    return { ...blank(provider), state: 'list_failed', detail: error.message };
  }
  const absent = await findAbsent(dependencies, provider, list, settledBefore);
  for (const { remoteId, fileId } of absent.settled) list.examples.add({ kind: 'ghost', remoteId, fileId });
  const compared = { ...blank(provider), ...countsOf(list), tracked: absent.tracked };
  const doubt = reconciling.isForced ? null : await doubtIn(reconciling, absent);
  if (doubt === null) return { ...compared, ...(await settle(reconciling, list, absent)) };
  return {
    ...compared,
    ghosts: { ...nothing.ghosts, left: absent.settled.length + absent.recent },
    orphans: { ...nothing.orphans, left: list.orphans.length },
    state: 'suspicious',
    detail: doubt,
  };
};

const nothing = {
  ghosts: { redelivered: 0, marked: 0, left: 0 },
  orphans: { adopted: 0, removed: 0, left: 0 },
};

/** The report of an account of which nothing is known. */
export const blank = ({ id, account }: Pick<Provider, 'id' | 'account'>): AccountReport => ({
  provider: id,
  account,
  state: 'ok',
  detail: null,
  listed: 0,
  tracked: 0,
  matched: 0,
  ...nothing,
  foreign: 0,
  foreignMarked: 0,
  mismatched: 0,
  examples: [],
});

const countsOf = ({ listed, matched, foreign, foreignMarked, mismatched, examples }: ComparedList) => ({
  listed,
  matched,
  foreign,
  foreignMarked,
  mismatched,
  examples: examples.all(),
});

/** What the record has in an account and the list does not show. */
interface Absent {
  readonly tracked: number;
  /** As they are since before the list began. */
  readonly settled: readonly TrackedCopy[];
  /** How many are too young to be missed: a list may lag. */
  readonly recent: number;
}

const PAGE = 1_000;

const findAbsent = async (
  { database }: Dependencies,
  { id, account }: Provider,
  { seen }: ComparedList,
  settledBefore: Date,
): Promise<Absent> => {
  const settled: TrackedCopy[] = [];
  let [tracked, recent, after] = [0, 0, ''];
  while (true) {
    const page = await trackedCopies(
      database,
      { provider: id, account },
      { after, limit: PAGE, settledBefore },
    );
    const absent = page.filter(({ remoteId }) => !seen.has(remoteId));
    settled.push(...absent.filter(({ isSettled }) => isSettled));
    recent += absent.filter(({ isSettled }) => !isSettled).length;
    tracked += page.length;
    after = page.at(-1)?.remoteId ?? '';
    if (page.length < PAGE) return { tracked, settled, recent };
  }
};

/** Why the list is not believed; null when it is. Copies that have expired are expected to be gone. */
const doubtIn = async (reconciling: Reconciling, { settled, tracked }: Absent): Promise<string | null> => {
  const missing = settled.filter(({ isExpired, status }) => !isExpired && status === 'completed');
  const { id } = reconciling.provider;
  const belief = beliefIn(missing.length, tracked);
  if (belief === 'believe') return null;
  const gap = `${id} lists none of ${missing.length} of the ${tracked} copies that the record has there`;
  if (belief === 'refuse')
    return `${gap}; nothing was done. If that is right: waybill reconcile --repair --force`;
  for (const { remoteId } of missing) {
    const isGone = await lookUpRemote(reconciling, remoteId).then(
      (remote) => remote === null,
      () => {
        reconciling.signal.throwIfAborted();
        return false;
      },
    );
    if (!isGone) return `${gap}, and not all of them are gone; nothing was done.`;
  }
  return null;
};

/**
 * Settles what differs, in this order: what a delivery has left besides its copy goes first, since one that is sent again
 * would be under way; what could take the place of a copy that is gone is kept until that is known.
 */
const settle = async (
  reconciling: Reconciling,
  { orphans }: ComparedList,
  { settled, recent }: Absent,
): Promise<Pick<AccountReport, 'ghosts' | 'orphans'>> => {
  const whole = new Map(orphans.filter(({ isWhole }) => isWhole).map((one) => [one.deliveryId, one]));
  const chosen = settled.slice(0, AT_MOST).map((copy) => ({ copy, spare: whole.get(copy.id) ?? null }));
  const spares = new Set(chosen.flatMap(({ spare }) => spare ?? []));
  const others = orphans.filter((orphan) => !spares.has(orphan));
  const first = await settleOrphans(reconciling, others.slice(0, AT_MOST));
  const { adopted, ...ghosts } = await settleGhosts(reconciling, chosen);
  const last = await settleOrphans(
    reconciling,
    [...spares].filter(({ remote }) => !adopted.has(remote.id)),
  );
  return {
    ghosts: { ...ghosts, left: ghosts.left + recent + settled.length - chosen.length },
    orphans: {
      adopted: first.adopted + last.adopted + adopted.size,
      removed: first.removed + last.removed,
      left: first.left + last.left + Math.max(0, others.length - AT_MOST),
    },
  };
};
