import type { Logger } from '../platform/log.ts';
import type { AuditEntry } from '../tracking/audit.ts';

/** One thing that somebody asked for, as it is told when it has been answered. */
export type AuditEvent = Omit<AuditEntry, 'at' | 'count'>;

/** Who did what. Callers never wait for it. */
export interface AuditTrail {
  record(event: AuditEvent): void;
  /** Writes what has not been written yet, if that can be done at once. Nothing may be recorded afterwards. */
  close(): Promise<void>;
}

export interface AuditTrailOptions {
  write(entries: readonly AuditEntry[]): Promise<void>;
  readonly log: Logger;
  readonly flushMs?: number;
  readonly minuteMs?: number;
  readonly maxWaiting?: number;
}

const FLUSH_MS = 1_000;
const MINUTE_MS = 60_000;
/** Some 5 MB; what comes when as many wait for the database is in the log only. */
const MAX_WAITING = 10_000;
const MAX_BATCH = 500;
/** Addresses that are told apart in a minute; refusals of others are counted together. */
const MAX_KINDS = 1_000;

/** Refusals before a request is let in, which anybody can cause without end. */
const REPEATABLE: ReadonlySet<number> = new Set([401, 429]);

/**
 * Writes each event to the log at once and to the record in batches, each second. Refusals with 401 and 429 are alike by
 * address, owner and code: the first of a minute is kept as it is, those that follow as one entry with their number.
 */
export const createAuditTrail = ({
  write,
  log,
  flushMs = FLUSH_MS,
  minuteMs = MINUTE_MS,
  maxWaiting = MAX_WAITING,
}: AuditTrailOptions): AuditTrail => {
  const waiting: AuditEntry[] = [];
  const repeated = new Map<string, AuditEntry>();
  let dropped = 0;
  let writing: Promise<void> | null = null;

  const keep = (entry: AuditEntry): void => {
    log.info({ event: 'audit', ...describe(entry) });
    if (waiting.length < maxWaiting) waiting.push(entry);
    else dropped += entry.count;
  };
  const keepRepeated = (): void => {
    for (const entry of repeated.values()) if (entry.count > 0) keep(entry);
    repeated.clear();
  };
  const writeAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MAX_BATCH);
      await write(batch);
      waiting.splice(0, batch.length);
    }
    if (dropped > 0) log.error({ event: 'audit_dropped', count: dropped });
    dropped = 0;
  };
  const flush = (): Promise<void> => {
    writing ??= writeAll()
      .catch((error) => log.warn({ event: 'audit_waits', waiting: waiting.length, dropped, err: error }))
      .finally(() => {
        writing = null;
      });
    return writing;
  };
  const flushing = setInterval(() => void flush(), flushMs);
  const counting = setInterval(keepRepeated, minuteMs);
  return {
    record: (event) => {
      const entry = { ...event, at: new Date(), count: 1 };
      if (!REPEATABLE.has(event.httpStatus)) return keep(entry);
      const { key, first } = kindOf(entry, repeated);
      const before = repeated.get(key);
      repeated.set(key, { ...first, count: before === undefined ? 0 : before.count + 1 });
      if (before === undefined) keep(entry);
    },
    close: async () => {
      clearInterval(flushing);
      clearInterval(counting);
      keepRepeated();
      // One that runs began before the last entries.
      await writing;
      await flush();
      if (waiting.length > 0) log.error({ event: 'audit_dropped', count: waiting.length });
    },
  };
};

/** Under which name a refusal is counted; without an address once there are too many of them. */
const kindOf = (
  entry: AuditEntry,
  known: ReadonlyMap<string, AuditEntry>,
): { key: string; first: AuditEntry } => {
  const key = (one: AuditEntry): string =>
    JSON.stringify([one.action, one.owner, one.errorCode, one.address]);
  if (known.size < MAX_KINDS || known.has(key(entry))) return { key: key(entry), first: entry };
  const anybody = { ...entry, owner: null, address: null };
  return { key: key(anybody), first: anybody };
};

const describe = ({
  owner,
  action,
  fileId,
  httpStatus,
  errorCode,
  requestId,
  address,
  count,
}: AuditEntry) => ({
  action,
  owner,
  file: fileId,
  status: httpStatus,
  code: errorCode,
  request: requestId,
  address,
  count,
});
