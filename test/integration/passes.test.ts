import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { NOTHING_REMOVED } from '../../src/core/cleanup-report.ts';
import type { RetentionPolicy } from '../../src/pipeline/dependencies.ts';
import { passJob } from '../../src/pipeline/job-kinds.ts';
import { endPass, failSilentPasses, holdPass, takePass } from '../../src/tracking/passes.ts';
import { until } from '../support/until.ts';
import { useTestDatabases } from './support/test-databases.ts';
import { OWNER, PATIENCE, sample, type TestWorld, useTestWorlds } from './support/test-pipeline.ts';

const databases = useTestDatabases({ queues: true });
const createWorld = useTestWorlds(databases);

const CLEANUP = { kind: 'cleanup', isDryRun: false, isForced: false } as const;

/** A pass that some run has, as the record shows it. */
const insertRunning = (world: TestWorld, id: string, run: string, report: object | null = null) =>
  world.rows(
    `insert into waybill.passes (id, kind, is_dry_run, is_forced, status, run, runs, report)
       values ($1, 'cleanup', false, false, 'running', $2, 1, $3)`,
    [id, run, report],
  );

/** Once a year, half a year from now, and so not while tests run. */
const never = (): string => `0 0 1 ${((new Date().getUTCMonth() + 6) % 12) + 1} *`;

describe('passes', () => {
  it('S21: run one at a time of each kind over all instances', async () => {
    const world = await createWorld();
    const [one, other] = [await world.start(), await world.start({ installation: 'installation-2' })];
    await insertRunning(world, 'pass-1', randomUUID());

    for (const pipeline of [one, other]) {
      await expect(pipeline.passes.begin(CLEANUP)).rejects.toMatchObject({
        code: 'pass_running',
        message: expect.stringContaining('pass-1'),
      });
    }
    const { id } = await other.passes.begin({ ...CLEANUP, kind: 'reconcile', isDryRun: true });
    expect(await one.passes.find(id, PATIENCE)).toMatchObject({ kind: 'reconcile', status: 'completed' });
  });

  it('are given up when nobody has kept them alive', async () => {
    const world = await createWorld();
    const pipeline = await world.start();
    await insertRunning(world, 'pass-1', randomUUID());
    await world.rows(`update waybill.passes set alive_at = now() - interval '1 hour'`);

    const { id } = await pipeline.passes.begin(CLEANUP);

    expect((await pipeline.passes.find(id, PATIENCE)).status).toBe('completed');
    expect(await pipeline.passes.find('pass-1')).toMatchObject({ status: 'failed', report: null });
    expect((await pipeline.passes.list({ limit: 10 })).map((pass) => pass.id)).toEqual([id, 'pass-1']);
    expect(await pipeline.passes.list({ limit: 10, after: 'pass-1' })).toEqual([]);
    await expect(pipeline.passes.find('pass-2')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('go on where a run that died left them, and say so', async () => {
    const world = await createWorld();
    const pipeline = await world.start();
    const { file } = await pipeline.receive(OWNER, sample({ to: [] }));
    await world.rows(`update waybill.files set expires_at = now() - interval '1 minute'`);
    const retention = { days: 0, liveFiles: 8, dueFiles: 8, dueBytes: 80, unexpectedFiles: 0 };
    const removed = { ...NOTHING_REMOVED, files: 7, bytes: 70 };
    await insertRunning(world, 'pass-1', randomUUID(), { retention, removed, takeovers: 0 });

    const { database, jobs } = pipeline.dependencies;
    await jobs.send(database, passJob, { passId: 'pass-1' });

    expect(await pipeline.passes.find('pass-1', PATIENCE)).toMatchObject({
      status: 'completed',
      report: { retention, removed: { files: 8, bytes: 70 + file.sizeBytes }, takeovers: 1 },
    });
  });

  it('are fenced: a run that stalled changes nothing of a pass that another has taken', async () => {
    const world = await createWorld();
    const { database } = await world.prepare();
    const [stalled, taker] = [
      { id: 'pass-1', run: randomUUID() },
      { id: 'pass-1', run: randomUUID() },
    ];
    await insertRunning(world, 'pass-1', stalled.run);
    expect(await holdPass(database, stalled)).toBe(true);

    expect(await takePass(database, taker)).toMatchObject({ runs: 2 });

    expect(await holdPass(database, stalled, { removed: 1 })).toBe(false);
    const end = { status: 'completed', message: null } as const;
    expect(await endPass(database, stalled, end)).toBeNull();
    await failSilentPasses(database, 'cleanup', { silentMs: 60_000, message: 'silent' });
    expect(await endPass(database, taker, end)).toMatchObject({ status: 'completed', report: null });
    expect(await takePass(database, stalled)).toBeNull();
  });

  it('S21: begin by schedule on one of several instances, also when the time came while none ran', async () => {
    const world = await createWorld();
    const halfAnHourAgo = `${(new Date().getUTCMinutes() + 30) % 60} * * * *`;
    const retention: RetentionPolicy = { days: 30, cleanupCron: halfAnHourAgo, reconcileCron: never() };
    const first = await world.start({ retention: { ...retention, cleanupCron: never() } });
    await first.stop();
    const second = await world.start({ retention });
    await second.stop();
    // As after two hours without an instance.
    await world.rows(`update waybill_jobs.schedule set created_on = now() - interval '1 day'`);
    await world.rows(`update waybill_jobs.version set cron_on = now() - interval '2 hours'`);

    const pipelines = [
      await world.start({ retention }),
      await world.start({ retention, installation: 'installation-2' }),
    ];
    const ended = await until(
      'the scheduled pass has ended',
      async () => {
        const passes = (await pipelines[0]?.passes.list({ limit: 10 })) ?? [];
        return passes.length > 0 && passes.every(({ status }) => status !== 'running') && passes;
      },
      { deadlineMs: 50_000 },
    );

    expect(ended).toMatchObject([{ kind: 'cleanup', isDryRun: false, status: 'completed' }]);
    const schedules = await world.rows('select cron from waybill_jobs.schedule order by name');
    expect(schedules).toEqual([{ cron: halfAnHourAgo }, { cron: retention.reconcileCron }]);
  }, 60_000);
});
