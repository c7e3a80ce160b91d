import { existsSync } from 'node:fs';
import { mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CleanupReport } from '../../src/core/cleanup-report.ts';
import type { RetentionPolicy } from '../../src/pipeline/dependencies.ts';
import type { Pass, WantedPass } from '../../src/pipeline/passes.ts';
import { openDiskBlobStore } from '../../src/staging/disk-blob-store.ts';
import { until } from '../support/until.ts';
import { useTestDatabases } from './support/test-databases.ts';
import {
  OWNER,
  PATIENCE,
  sample,
  type TestPipeline,
  type TestWorld,
  useTestWorlds,
} from './support/test-pipeline.ts';

const databases = useTestDatabases({ queues: true });
const createWorld = useTestWorlds(databases);

const RETENTION: RetentionPolicy = { days: 30, cleanupCron: '0 3 1 1 *', reconcileCron: '0 3 1 1 *' };

const run = async (pipeline: TestPipeline, wanted: Partial<WantedPass> = {}): Promise<Pass> => {
  const { id } = await pipeline.passes.begin({
    kind: 'cleanup',
    isDryRun: false,
    isForced: false,
    ...wanted,
  });
  return await pipeline.passes.find(id, PATIENCE);
};
const reportOf = ({ report }: Pass): CleanupReport => {
  if (report === null || !('removed' in report)) throw new Error('This pass has no report of a cleanup.');
  return report;
};

/** Files that are in the record only, as old as told, of so many owners, and charged for. */
const insertFiles = async (world: TestWorld, count: number, ageDays: number, owners = 1): Promise<void> => {
  const made = `(select 'file-' || md5('${ageDays}-' || n) as id, 'owner-' || (1 + n % ${owners}) as owner
    from generate_series(1, ${count}) n) made`;
  await world.rows(
    `insert into waybill.quotas (owner, charged_bytes, charged_files)
       select owner, count(*) * 10, count(*) from ${made} group by owner
       on conflict (owner) do update set charged_bytes = quotas.charged_bytes + excluded.charged_bytes,
         charged_files = quotas.charged_files + excluded.charged_files`,
  );
  await world.rows(`insert into waybill.reservations (id, owner, bytes) select id, owner, 10 from ${made}`);
  await world.rows(
    `insert into waybill.files
       (id, owner, filename, media_type, bytes, sha256, purpose, status, blob_key, created_at)
       select id, owner, 'a.txt', 'text/plain', 10, repeat('a', 64), 'user_data', 'processed', md5(id),
              now() - interval '${ageDays} days'
       from ${made}`,
  );
};
const witness = (world: TestWorld, daysAgo: number) =>
  world.rows(`update waybill.retention_witness set at = now() - $1 * interval '1 day'`, [daysAgo]);
const liveFiles = async (world: TestWorld): Promise<number> => {
  const [row] = await world.rows<{ live: number }>(
    'select count(*)::int as live from waybill.files where deleted_at is null',
  );
  return row?.live ?? Number.NaN;
};

/** Of each kind one that is to go, and none that is. */
const makeLeftovers = async (
  world: TestWorld,
  { kept, gone }: { kept: string; gone: string },
): Promise<void> => {
  const statements = [
    `insert into waybill.reservations values ('file-lost', '${OWNER}', 5, 'installation-9', now() - interval '1 hour')`,
    `update waybill.quotas set charged_bytes = charged_bytes + 5, charged_files = charged_files + 1 where owner = '${OWNER}'`,
    `insert into waybill.upload_urls (id, owner, secret_sha256, filename, options, expires_at)
       select 'upurl-' || age, '${OWNER}', repeat('0', 64), 'a.txt', '{}', now() - age * interval '1 minute'
       from (values (10), (70)) ages (age)`,
    `insert into waybill.idempotency_keys (owner, key, file_id, created_at)
       select '${OWNER}', 'key-' || age, '${kept}', now() - age * interval '1 hour' from (values (1), (25)) ages (age)`,
    `insert into waybill.audit (at, action, status, request_id)
       select now() - age * interval '1 day', 'file.create', 200, 'request-1' from (values (1), (91), (92)) ages (age)`,
    `update waybill.files set deleted_at = now() - interval '91 days' where id = '${gone}'`,
    `update waybill.provider_file_uploads set updated_at = now() - interval '91 days' where file_id = '${gone}'`,
    `insert into waybill.passes (id, kind, is_dry_run, is_forced, status, started_at, ended_at)
       values ('pass-old', 'reconcile', false, false, 'completed', now() - interval '91 days', now() - interval '91 days')`,
  ];
  for (const statement of statements) await world.rows(statement);
};

describe('retention', () => {
  it('removes what is past its time here and at the providers, and leaves the rest', async () => {
    const world = await createWorld();
    const pipeline = await world.start({ retention: RETENTION });
    const old = await pipeline.receive(OWNER, sample({ to: ['kimi'] }));
    const fresh = await pipeline.receive(OWNER, sample({ to: ['kimi'] }));
    for (const received of [old, fresh]) await pipeline.outcome(received, PATIENCE);
    await world.rows(`update waybill.files set created_at = now() - interval '31 days' where id = $1`, [
      old.file.id,
    ]);

    const pass = await run(pipeline);

    expect(pass).toMatchObject({ status: 'completed', message: null });
    expect(reportOf(pass).removed).toMatchObject({ files: 1, bytes: old.file.sizeBytes });
    await expect(pipeline.find(OWNER, old.file.id)).rejects.toMatchObject({ code: 'not_found' });
    expect(await pipeline.awaitRemoval(old.file.id, PATIENCE)).toBe(true);
    expect((await world.kimi.state()).files).toHaveLength(1);
    await until('its blob is gone', async () => (await world.blobs()).length === 1);
    expect((await pipeline.find(OWNER, fresh.file.id)).file.status).toBe('processed');
    expect((await pipeline.quota(OWNER)).files.used).toBe(1);
  });

  it('hides a file from its expiry on, and removes it with the next cleanup, for ever kept or not', async () => {
    const world = await createWorld();
    const pipeline = await world.start({ retention: { ...RETENTION, days: 0 } });
    const ended = await pipeline.receive(OWNER, sample({ to: [] }));
    const old = await pipeline.receive(OWNER, sample({ to: [] }));
    await world.rows(`update waybill.files set expires_at = now() - interval '1 minute' where id = $1`, [
      ended.file.id,
    ]);
    await world.rows(`update waybill.files set created_at = now() - interval '900 days' where id = $1`, [
      old.file.id,
    ]);

    await expect(pipeline.find(OWNER, ended.file.id)).rejects.toMatchObject({ code: 'not_found' });
    const { files } = await pipeline.list(OWNER, { limit: 10, order: 'desc' });
    expect(files.map(({ file }) => file.id)).toEqual([old.file.id]);

    expect(reportOf(await run(pipeline)).removed.files).toBe(1);
    expect(await liveFiles(world)).toBe(1);
  });

  it('I21: pages through any number of rows of many owners, and keeps the quotas exact', async () => {
    const world = await createWorld();
    await insertFiles(world, 5_200, 31, 40);
    await insertFiles(world, 300, 1, 40);
    const pipeline = await world.start({ retention: RETENTION });
    await witness(world, 2);

    const dry = await run(pipeline, { isDryRun: true });
    expect(dry.status).toBe('completed');
    expect(reportOf(dry).removed.files).toBe(5_200);
    expect(await liveFiles(world)).toBe(5_500);

    const pass = await run(pipeline);
    expect(reportOf(pass)).toMatchObject({
      retention: { days: 30, liveFiles: 5_500, dueFiles: 5_200, dueBytes: 52_000, unexpectedFiles: 0 },
      removed: { files: 5_200, bytes: 52_000 },
      takeovers: 0,
    });
    expect(await liveFiles(world)).toBe(300);
    const [charged] = await world.rows<{ files: number; bytes: number }>(
      'select sum(charged_files)::int as files, sum(charged_bytes)::int as bytes from waybill.quotas',
    );
    expect(charged).toEqual({ files: 300, bytes: 3_000 });
  }, 60_000);

  it('goes on on another instance when its own stops in the middle, and counts every file once', async () => {
    const world = await createWorld();
    await insertFiles(world, 4_000, 31, 4);
    await witness(world, 2);
    const stopping = await world.start({ retention: RETENTION });
    const { id } = await stopping.passes.begin({ kind: 'cleanup', isDryRun: false, isForced: false });
    await until('some files are gone', async () => (await liveFiles(world)) < 4_000);
    await stopping.stop();
    expect(await liveFiles(world)).toBeGreaterThan(0);
    const other = await world.start({ retention: RETENTION, installation: 'installation-2' });
    const pass = await other.passes.find(id, PATIENCE);

    expect(pass.status).toBe('completed');
    expect(reportOf(pass)).toMatchObject({ removed: { files: 4_000, bytes: 40_000 }, takeovers: 1 });
    expect(await liveFiles(world)).toBe(0);
  }, 60_000);

  it('I21: stops before it removes a large share that the last cleanup did not find, until that is confirmed', async () => {
    const world = await createWorld();
    await insertFiles(world, 150, 40);
    await insertFiles(world, 50, 1);
    const pipeline = await world.start({ retention: RETENTION });

    for (const isDryRun of [true, false]) {
      const stopped = await run(pipeline, { isDryRun });
      expect(stopped.status).toBe('stopped');
      expect(stopped.message).toMatch(/^150 of 200 files would go/u);
      expect(reportOf(stopped)).toMatchObject({ retention: { unexpectedFiles: 150 }, removed: { files: 0 } });
      expect(await liveFiles(world)).toBe(200);
    }

    const forced = await run(pipeline, { isForced: true });
    expect(forced.status).toBe('completed');
    expect(await liveFiles(world)).toBe(50);
  });

  it('S24: removes nothing by a clock that has jumped, until that is confirmed', async () => {
    const world = await createWorld();
    await insertFiles(world, 3, 31);
    const pipeline = await world.start({ retention: RETENTION });
    await witness(world, 3_650);

    expect((await run(pipeline)).status).toBe('stopped');
    expect(await liveFiles(world)).toBe(3);
    expect((await run(pipeline, { isForced: true })).status).toBe('completed');
    expect(await liveFiles(world)).toBe(0);
    expect((await run(pipeline)).status).toBe('completed');
  });
});

describe('a cleanup', () => {
  it('collects leftovers of every kind, and only tells of them in a dry run', async () => {
    const world = await createWorld();
    const directory = await mkdtemp(join(tmpdir(), 'cleanup-'));
    const blobs = await openDiskBlobStore(directory);
    onTestFinished(async () => {
      await blobs.close();
      await rm(directory, { recursive: true });
    });
    const pipeline = await world.start({ retention: RETENTION, blobs });
    const kept = await pipeline.receive(OWNER, sample({ to: [] }));
    const gone = await pipeline.receive(OWNER, sample({ to: ['kimi'] }));
    await pipeline.outcome(gone, PATIENCE);
    await pipeline.delete(OWNER, gone.file.id);
    expect(await pipeline.awaitRemoval(gone.file.id, PATIENCE)).toBe(true);
    await makeLeftovers(world, { kept: kept.file.id, gone: gone.file.id });
    for (const [key, ageDays] of [
      ['leftover0000000001', 2],
      ['underway0000000001', 0],
    ] as const) {
      const blob = await blobs.create(key);
      await blob.write(Buffer.from('left by a crash'));
      await blob.commit();
      const then = new Date(Date.now() - ageDays * 86_400_000);
      await utimes(join(directory, 'incoming', key), then, then);
    }

    const all = {
      files: 0,
      bytes: 0,
      uploads: 0,
      reservations: 1,
      blobs: 1,
      uploadUrls: 1,
      idempotencyKeys: 1,
      auditRows: 2,
      tombstones: 1,
      passes: 1,
    };
    expect(reportOf(await run(pipeline, { isDryRun: true })).removed).toEqual(all);
    expect(reportOf(await run(pipeline)).removed).toEqual(all);
    const nothing = Object.fromEntries(Object.keys(all).map((kind) => [kind, 0]));
    expect(reportOf(await run(pipeline)).removed).toEqual(nothing);
    expect((await pipeline.find(OWNER, kept.file.id)).file.id).toBe(kept.file.id);
    expect(existsSync(join(directory, 'incoming', 'leftover0000000001'))).toBe(false);
    expect(existsSync(join(directory, 'incoming', 'underway0000000001'))).toBe(true);
    expect(await world.rows('select id from waybill.files')).toEqual([{ id: kept.file.id }]);
  });
});
