import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Queryable } from '../../src/platform/database.ts';
import { type JobKind, type Jobs, startJobs } from '../../src/platform/jobs.ts';
import { until } from '../support/until.ts';
import { JOBS_SCHEMA, log, useTestDatabases } from './support/test-databases.ts';

const databases = useTestDatabases({ queues: true });
const KIND: JobKind<{ n: number }> = { queue: 'numbers', expireInSeconds: 60 };
const OTHER_KIND: JobKind<{ n: number }> = { queue: 'others', expireInSeconds: 60 };

let url: string;
let database: Queryable;
const running: Jobs[] = [];

const start = async (): Promise<Jobs> => {
  const jobs = await startJobs({ url, schema: JOBS_SCHEMA, kinds: [KIND, OTHER_KIND], log });
  running.push(jobs);
  return jobs;
};

/** Works with `handle`, and notes the data of each run before it. */
const workOn = async (
  jobs: Jobs,
  handle: (n: number, signal: AbortSignal) => Promise<void> | void = () => undefined,
  { concurrency = 2, kind = KIND }: { concurrency?: number; kind?: JobKind<{ n: number }> } = {},
): Promise<number[]> => {
  const runs: number[] = [];
  await jobs.work(kind, concurrency, async ({ n }, signal) => {
    runs.push(n);
    await handle(n, signal);
  });
  return runs;
};

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const sorted = (runs: readonly number[]): number[] => [...runs].sort((a, b) => a - b);
const sendAll = async (jobs: Jobs, count: number, kind = KIND): Promise<void> => {
  for (const n of numbers(count)) await jobs.send(database, kind, { n });
};
const statesOf = async (): Promise<string[]> => {
  const statement = `select state::text from ${JOBS_SCHEMA}.job where name in ('numbers', 'others')`;
  return (await databases.query<{ state: string }>(url, statement)).map(({ state }) => state);
};

beforeEach(async () => {
  url = await databases.migrated();
  database = databases.open(url);
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((jobs) => jobs.stop(0)));
});

describe('a job', () => {
  it('is told of while it runs, so that a start can take up those of a process that died', async () => {
    const jobs = await start();
    const ended = Promise.withResolvers<void>();
    await sendAll(jobs, 3);
    expect(await jobs.taken(database, KIND)).toEqual([]);
    const runs = await workOn(jobs, (n) => (n === 1 ? ended.promise : undefined), { concurrency: 3 });
    await until('all have run', async () => runs.length === 3);
    await until('two have ended', async () => (await jobs.taken(database, KIND)).length === 1);
    expect(await jobs.taken(database, KIND)).toEqual([{ n: 1 }]);
    expect(await jobs.taken(database, OTHER_KIND)).toEqual([]);
    ended.resolve();
    await until('none runs', async () => (await jobs.taken(database, KIND)).length === 0);
  });

  it('of a transaction that is rolled back never is', async () => {
    const jobs = await start();
    const undone = database.transaction().execute(async (trx) => {
      await jobs.send(trx, KIND, { n: 1 });
      throw new Error('Undone.');
    });
    await expect(undone).rejects.toThrow('Undone.');
    await jobs.send(database, KIND, { n: 2 });
    const runs = await workOn(jobs);
    await until('the job that was committed', async () => (await statesOf()).join() === 'completed');
    expect(runs).toEqual([2]);
  });

  it('of a transaction runs once that has committed, and not before', async () => {
    const jobs = await start();
    const runs = await workOn(jobs);
    await database.transaction().execute(async (trx) => {
      await jobs.send(trx, KIND, { n: 1 });
      await jobs.send(database, KIND, { n: 2 });
      await until('the job beside the transaction', () => runs.includes(2));
      expect(runs).toEqual([2]);
    });
    await until('the job of the transaction', () => runs.includes(1));
  });

  it('runs at once in a worker that was idle, without waiting for its next poll', async () => {
    const jobs = await start();
    const runs = await workOn(jobs);
    for (const n of numbers(10)) {
      await jobs.send(database, KIND, { n });
      await until(`job ${n}`, () => runs.length === n + 1, { deadlineMs: 5_000 });
    }
    expect(runs).toEqual(numbers(10));
  }, 20_000);

  it('that is delayed runs at its time: not before, and not only at a poll much later', async () => {
    const jobs = await start();
    const runs = await workOn(jobs);
    const sentAt = performance.now();
    await jobs.send(database, KIND, { n: 1 }, { delayMs: 800 });
    await jobs.send(database, KIND, { n: 2 });
    await until('the delayed job', () => runs.includes(1), { deadlineMs: 5_000 });
    expect(performance.now() - sentAt).toBeGreaterThanOrEqual(800);
    expect(runs).toEqual([2, 1]);
  });

  it('that is due before its transaction has committed runs soon after, and not only at a poll', async () => {
    const jobs = await start();
    const runs = await workOn(jobs);
    await database.transaction().execute(async (trx) => {
      await jobs.send(trx, KIND, { n: 1 }, { delayMs: 1 });
      await jobs.send(database, KIND, { n: 2 });
      await until('the job beside the transaction', () => runs.includes(2));
    });
    await until('the job', () => runs.includes(1), { deadlineMs: 5_000 });
    expect(runs).toEqual([2, 1]);
  });

  it('is taken from its own queue only', async () => {
    const jobs = await start();
    const others = await workOn(jobs, undefined, { kind: OTHER_KIND });
    await sendAll(jobs, 3);
    await jobs.send(database, OTHER_KIND, { n: 9 });
    await until('the job of the other queue', () => others.length > 0);
    expect(others).toEqual([9]);
    expect((await statesOf()).filter((state) => state === 'created')).toHaveLength(3);
  });

  it('waits for a worker, also over a restart', async () => {
    const first = await start();
    await sendAll(first, 3);
    await first.stop(0);
    const runs = await workOn(await start());
    await until('all jobs', () => runs.length === 3);
    expect(sorted(runs)).toEqual([0, 1, 2]);
  });

  it('whose run is rejected runs again', async () => {
    const jobs = await start();
    let failures = 0;
    const runs = await workOn(jobs, () => {
      failures += 1;
      if (failures < 2) throw new Error('Not this time.');
    });
    await jobs.send(database, KIND, { n: 1 });
    await until('the run that succeeds', async () => (await statesOf()).join() === 'completed');
    expect(runs).toEqual([1, 1]);
  });
});

describe('workers', () => {
  it('that were busy take up what has queued behind them, one after the other, without a poll between', async () => {
    const jobs = await start();
    const runs = await workOn(jobs, undefined, { concurrency: 1 });
    await sendAll(jobs, 40);
    await until('all jobs', () => runs.length === 40, { deadlineMs: 15_000 });
    expect(sorted(runs)).toEqual(numbers(40));
  });

  it('L16 run as many at once as they were told to, and no more', async () => {
    const jobs = await start();
    const gate = Promise.withResolvers<void>();
    let atOnce = 0;
    let most = 0;
    const runs = await workOn(
      jobs,
      async () => {
        atOnce += 1;
        most = Math.max(most, atOnce);
        await gate.promise;
        atOnce -= 1;
      },
      { concurrency: 3 },
    );
    await sendAll(jobs, 12);
    await until('three runs at once', () => atOnce === 3);
    gate.resolve();
    await until('all jobs', () => runs.length === 12);
    expect(most).toBe(3);
  });

  it('of two instances share the jobs, and each runs once', async () => {
    const [one, two] = [await start(), await start()];
    const [runsOfOne, runsOfTwo] = [await workOn(one), await workOn(two)];
    await Promise.all([sendAll(one, 30), sendAll(two, 30)]);
    await until(
      'all jobs',
      async () => (await statesOf()).filter((state) => state === 'completed').length === 60,
    );
    expect(sorted([...runsOfOne, ...runsOfTwo])).toEqual(sorted([...numbers(30), ...numbers(30)]));
  });
});

describe('stopping', () => {
  it('waits for what is running, and takes nothing more', async () => {
    const [jobs, idle] = [await start(), await start()];
    const gate = Promise.withResolvers<void>();
    const runs = await workOn(jobs, () => gate.promise, { concurrency: 1 });
    await sendAll(jobs, 3);
    await until('a run', () => runs.length === 1);
    let isStopped = false;
    const stopping = jobs.stop(10_000).then(() => {
      isStopped = true;
    });
    // By the time that one with nothing to wait for has stopped, this one would have too.
    await idle.stop(10_000);
    expect(isStopped).toBe(false);
    gate.resolve();
    await stopping;
    expect(runs).toHaveLength(1);
    expect((await statesOf()).sort()).toEqual(['completed', 'created', 'created']);
  });

  it('tells what has not finished in time to end, and leaves it to be run again', async () => {
    const jobs = await start();
    const reasons: unknown[] = [];
    const runs = await workOn(jobs, (_n, signal) => {
      const ended = Promise.withResolvers<void>();
      signal.addEventListener('abort', () => {
        reasons.push(signal.reason);
        ended.reject(signal.reason);
      });
      return ended.promise;
    });
    await jobs.send(database, KIND, { n: 1 });
    await until('a run', () => runs.length === 1);
    await jobs.stop(50);
    expect(reasons).toMatchObject([{ message: 'The gateway is stopping.' }]);
    expect(await statesOf()).toEqual(['retry']);
  });
});
