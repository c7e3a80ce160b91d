import type { Provider, RemoteFile } from '../core/provider.ts';
import { EXAMPLES_AT_MOST, type ReconcileExample } from '../core/reconcile-report.ts';
import { lastMark } from '../delivery/sent-name.ts';
import { isAdoptable } from '../lifecycle/reconcile-orphan.ts';
import type { Queryable } from '../platform/database.ts';
import { copiesNamed, type NamedCopy, type Sender, sendersByMark } from '../tracking/reconcile.ts';

/** A file in the list that a delivery of the record has sent and no record names. */
export interface Orphan {
  readonly remote: RemoteFile;
  readonly mark: string;
  readonly deliveryId: string;
  /** It could be the delivery's copy. */
  readonly isWhole: boolean;
  readonly fileId: string;
}

/** What a provider's list shows, held against the record. */
export interface ComparedList {
  /** The ids of all files listed that the record names. */
  readonly seen: ReadonlySet<string>;
  readonly listed: number;
  readonly matched: number;
  readonly mismatched: number;
  readonly foreign: number;
  readonly foreignMarked: number;
  readonly orphans: readonly Orphan[];
  readonly examples: Examples;
}

/** Collects examples up to the limit for each kind. */
interface Examples {
  add(example: ReconcileExample): void;
  all(): readonly ReconcileExample[];
}

const createExamples = (): Examples => {
  const kept: ReconcileExample[] = [];
  return {
    add: (example) => {
      if (kept.filter(({ kind }) => kind === example.kind).length < EXAMPLES_AT_MOST) kept.push(example);
    },
    all: () => kept,
  };
};

/** How many listed files are looked up in the record at once. */
const LOOK_UP = 500;

/**
 * Reads an account's list to its end, holding each part of it against the record. Rejects as the list does, when it cannot
 * be read to its end. Of what is listed only ids are kept, and the orphans.
 */
export const compareList = async (
  db: Queryable,
  provider: Provider,
  { accounts, signal }: { accounts: readonly string[]; signal: AbortSignal },
): Promise<ComparedList> => {
  const tally = createTally(provider);
  let batch: RemoteFile[] = [];
  const lookUp = async (): Promise<void> => {
    const found = await findInRecord(db, { provider, accounts }, batch);
    for (const remote of batch) tally.count(remote, found);
    batch = [];
  };
  for await (const remote of provider.list({ signal })) {
    batch.push(remote);
    if (batch.length === LOOK_UP) await lookUp();
  }
  await lookUp();
  return tally.result();
};

interface Found {
  readonly named: ReadonlyMap<string, readonly NamedCopy[]>;
  readonly senders: ReadonlyMap<string, Sender>;
}

const findInRecord = async (
  db: Queryable,
  { provider, accounts }: { provider: Provider; accounts: readonly string[] },
  batch: readonly RemoteFile[],
): Promise<Found> => {
  if (batch.length === 0) return { named: new Map(), senders: new Map() };
  // In this order: a delivery that ends in between is found as under way or as naming its copy.
  const senders = await sendersByMark(
    db,
    provider.id,
    batch.flatMap(({ filename }) => lastMark(filename) ?? []),
  );
  const copies = await copiesNamed(
    db,
    { provider: provider.id, accounts },
    batch.map(({ id }) => id),
  );
  return { named: Map.groupBy(copies, ({ remoteId }) => remoteId), senders };
};

const createTally = ({ account }: Provider) => {
  const seen = new Set<string>();
  const orphans: Orphan[] = [];
  const examples = createExamples();
  const counts = { listed: 0, matched: 0, mismatched: 0, foreign: 0, foreignMarked: 0 };
  const mismatch = (remoteId: string, fileId: string): void => {
    counts.mismatched += 1;
    examples.add({ kind: 'mismatched', remoteId, fileId });
  };
  const countForeign = (remoteId: string, isMarked: boolean): void => {
    counts.foreign += 1;
    if (isMarked) counts.foreignMarked += 1;
    examples.add({ kind: 'foreign', remoteId, fileId: null });
  };
  const countOrphan = (remote: RemoteFile, mark: string, sender: Sender): void => {
    // It is being sent just now.
    if (sender.status === 'uploading') return;
    const { id: deliveryId, fileId } = sender;
    orphans.push({ remote, mark, deliveryId, fileId, isWhole: isAdoptable(sender, remote) });
    examples.add({ kind: 'orphan', remoteId: remote.id, fileId: sender.fileId });
  };
  const countUnnamed = (remote: RemoteFile, senders: ReadonlyMap<string, Sender>): void => {
    const mark = lastMark(remote.filename);
    const sender = mark === null ? undefined : senders.get(mark);
    if (mark === null || sender === undefined) countForeign(remote.id, mark !== null);
    else if (sender.account !== account) mismatch(remote.id, sender.fileId);
    else countOrphan(remote, mark, sender);
  };
  const countNamed = (remote: RemoteFile, copy: NamedCopy): void => {
    const isHere = copy.account === account;
    if (isHere) seen.add(remote.id);
    if (isHere && (remote.sizeBytes === null || remote.sizeBytes === copy.sizeBytes)) counts.matched += 1;
    else mismatch(remote.id, copy.fileId);
  };
  return {
    count: (remote: RemoteFile, { named, senders }: Found): void => {
      counts.listed += 1;
      const copies = named.get(remote.id) ?? [];
      const copy = copies.find((one) => one.account === account) ?? copies[0];
      if (copy === undefined) countUnnamed(remote, senders);
      else countNamed(remote, copy);
    },
    result: (): ComparedList => ({ ...counts, seen, orphans, examples }),
  };
};
