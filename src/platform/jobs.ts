import { sql } from 'kysely';
import { fromKysely, PgBoss } from 'pg-boss';
import { type KeptContext, keepContext, keptContext, runIn } from './context.ts';
import type { Queryable } from './database.ts';
import { keepsSessions } from './database-url.ts';
import type { Logger } from './log.ts';

/** A kind of job: its queue, and how long one run of it may take. */
export interface JobKind<Data extends object> {
  readonly queue: string;
  readonly expireInSeconds: number;
  /** Only ties the data's type to the kind. */
  readonly data?: Data;
}

/**
 * Work that must happen although the process may die. A job is sent in the transaction of the state change
 * that causes it, so there is never one without the other. A run whose process dies is given to another
 * worker when its heartbeat stops; a handler must therefore tolerate running twice.
 */
export interface Jobs {
  /** Enqueues within `db`'s transaction, to start not before `delayMs` from now. */
  send<Data extends object>(
    db: Queryable,
    kind: JobKind<Data>,
    data: Data,
    options?: { delayMs?: number },
  ): Promise<void>;
  /** The same for several at once, all due now. */
  sendEach<Data extends object>(db: Queryable, kind: JobKind<Data>, data: readonly Data[]): Promise<void>;
  /** Runs `handle` for each job of the kind, at most `concurrency` at once. A rejection is retried with backoff. */
  work<Data extends object>(
    kind: JobKind<Data>,
    concurrency: number,
    handle: (data: Data, signal: AbortSignal) => Promise<void>,
  ): Promise<void>;
  /**
   * Sends a job of the kind, without data, whenever `cron` says so, in UTC by the database's clock: once, however many
   * instances have asked. A time at which no instance ran is made up for, once. Replaces an earlier schedule of the kind.
   */
  schedule(kind: JobKind<Record<string, never>>, cron: string): Promise<void>;
  /**
   * What was taken from the queue and has not ended. Asked before `work`, those who took it have died or are other
   * instances.
   */
  taken<Data extends object>(db: Queryable, kind: JobKind<Data>): Promise<readonly Data[]>;
  /** How many jobs of each queue there are that are not done, and since when the oldest that may run is waiting. */
  count(db: Queryable): Promise<readonly QueueCount[]>;
  /** Stops taking jobs, waits `graceMs` for the running ones, then aborts them and waits for what they do about it. */
  stop(graceMs: number): Promise<void>;
}

interface QueueCount {
  readonly queue: string;
  readonly state: 'created' | 'retry' | 'active' | 'failed';
  readonly count: number;
  /** Of those that may run and do not; 0: there are none. */
  readonly ageSeconds: number;
}

export interface JobsOptions {
  readonly url: string;
  readonly schema: string;
  readonly kinds: readonly JobKind<object>[];
  readonly log: Logger;
}

const HEARTBEAT_SECONDS = 30;
/** How long an aborted run may take to put its work back in line. */
const ABORTED_MS = 5_000;
const RETRY_SECONDS = 1;
/** More than it takes to write down that a run has failed. */
const PUT_BACK_MS = 250;
/** How often a worker looks besides notifications, which need a connection that can be lost. */
const POLL_SECONDS = 10;
/** How often it looks where there are none, through a pooler that keeps no sessions. */
const UNTOLD_POLL_SECONDS = 2;
/**
 * When workers of this process look for what it has sent and nobody is notified of, from when it is due: about as soon as
 * a commit takes, and once it is late.
 */
const LOOKS_MS = [20, 250];
const LONGEST_RETRY_SECONDS = 60;
const DAY_SECONDS = 86_400;
/** Longer than any delivery is tried, so that no job lapses before its delivery does. */
const RETENTION_SECONDS = 14 * DAY_SECONDS;

/** Starts the job queue in its own schema. Owns its connections; the caller ends it with `stop`. */
export const startJobs = async ({ url, schema, kinds, log }: JobsOptions): Promise<Jobs> => {
  const isNotified = keepsSessions(url);
  const boss = new PgBoss({
    connectionString: url,
    schema,
    application_name: 'waybill-jobs',
    max: 8,
    useListenNotify: isNotified,
  });
  boss.on('error', (error) => log.error({ event: 'jobs_error', err: error }));
  boss.on('warning', (warning) => log.warn({ event: 'jobs_warning', warning }));
  await boss.start();
  for (const { queue, expireInSeconds } of kinds) await declareQueue(boss, queue, expireInSeconds);

  const stopping = new AbortController();
  const workers = new Map<string, string[]>();
  const wakeWorkers = (queue: string): void => {
    for (const id of workers.get(queue) ?? []) boss.notifyWorker(id);
  };

  /** Notifications are for jobs due at once, and not every connection has them. What is sent here is met here without. */
  const lookFor = (queue: string, delayMs: number): void => {
    if (isNotified && delayMs <= 0) return;
    for (const waitMs of LOOKS_MS) setTimeout(wakeWorkers, delayMs + waitMs, queue).unref();
  };

  /** The queue puts a failed run back in line without notifying. By this timer its wait, doubling with each run, is over. */
  const wakeForRetry = (queue: string, earlierRetries: number): void => {
    const waitMs = RETRY_SECONDS * 1_000 * 2 ** (earlierRetries + 1) + PUT_BACK_MS;
    if (waitMs < POLL_SECONDS * 1_000) setTimeout(wakeWorkers, waitMs, queue).unref();
  };

  const startWorker = async <Data extends object>(
    { queue }: JobKind<Data>,
    handle: (data: Data, signal: AbortSignal) => Promise<void>,
  ): Promise<void> => {
    const id: string = await boss.work<Sent<Data>>(
      queue,
      {
        pollingIntervalSeconds: UNTOLD_POLL_SECONDS,
        notifyPollingIntervalSeconds: POLL_SECONDS,
        includeMetadata: true,
      },
      async ([job]) => {
        try {
          if (job !== undefined) {
            const signal = AbortSignal.any([job.signal, stopping.signal]);
            await runIn(keptContext(job.data.context), () => handle(job.data, signal));
          }
        } catch (error) {
          wakeForRetry(queue, job?.retryCount ?? 0);
          throw error;
        } finally {
          // A worker that was busy has missed the notifications for the jobs behind this one: it looks again at once.
          boss.notifyWorker(id);
        }
      },
    );
    workers.set(queue, [...(workers.get(queue) ?? []), id]);
  };

  return {
    send: async (db, { queue }, data, { delayMs = 0 } = {}) => {
      // Without `startAfter` the job is due at once by the server's own clock, which is what makes it notify.
      const later = delayMs > 0 ? { startAfter: new Date(Date.now() + delayMs) } : {};
      await boss.send(queue, sent(data), { db: fromKysely(db), ...later });
      lookFor(queue, delayMs);
    },
    sendEach: async (db, { queue }, each) => {
      const made = each.map((data) => ({ data: sent(data) }));
      if (made.length === 0) return;
      await boss.insert(queue, made, { db: fromKysely(db) });
      lookFor(queue, 0);
    },
    schedule: async ({ queue }, cron) => {
      await boss.schedule(queue, cron, {}, { tz: 'UTC', missed: 'once' });
    },
    taken: async <Data extends object>(db: Queryable, { queue }: JobKind<Data>) => {
      const { rows } = await sql<{ data: Data }>`
        select data from ${sql.table(`${schema}.job`)} where name = ${queue} and state = 'active'
      `.execute(db);
      return rows.map(({ data }) => data);
    },
    count: async (db) => {
      const queues = kinds.map(({ queue }) => queue);
      const { rows } = await sql<QueueCount>`
        select name as queue, state::text as state, count(*) as count,
          coalesce(extract(epoch from now() - min(start_after) filter (
            where state in ('created', 'retry') and start_after <= now())), 0)::float8 as "ageSeconds"
        from ${sql.table(`${schema}.job`)}
        where name = any (${queues}) and state in ('created', 'retry', 'active', 'failed')
        group by name, state
      `.execute(db);
      return rows;
    },
    work: async (kind, concurrency, handle) => {
      for (let started = 0; started < concurrency; started += 1) await startWorker(kind, handle);
    },
    stop: async (graceMs) => {
      const grace = setTimeout(() => stopping.abort(new Error('The gateway is stopping.')), graceMs);
      await boss.stop({ graceful: true, timeout: graceMs + ABORTED_MS, close: true });
      clearTimeout(grace);
    },
  };
};

/** A job's data, and on whose account it was sent. */
type Sent<Data extends object> = Data & { readonly context?: KeptContext };

const sent = <Data extends object>(data: Data): Sent<Data> => {
  const context = keepContext();
  return context === null ? data : { ...data, context };
};

const declareQueue = async (boss: PgBoss, queue: string, expireInSeconds: number): Promise<void> => {
  const options = {
    expireInSeconds,
    heartbeatSeconds: HEARTBEAT_SECONDS,
    // As often as there is time for: a provider may refuse to remove a file for days.
    retryLimit: RETENTION_SECONDS / LONGEST_RETRY_SECONDS,
    retryDelay: RETRY_SECONDS,
    retryBackoff: true,
    retryDelayMax: LONGEST_RETRY_SECONDS,
    retentionSeconds: RETENTION_SECONDS,
    deleteAfterSeconds: DAY_SECONDS,
    notify: true,
  };
  await boss.createQueue(queue, options);
  await boss.updateQueue(queue, options);
};
