/** What a provider answers to a removal, until it confirms it; and what holds removals back. */
import { describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { useTestDatabases } from './support/test-databases.ts';
import { OWNER, PATIENCE, sample, type TestWorld, useTestWorlds } from './support/test-pipeline.ts';

const databases = useTestDatabases({ queues: true });
const newWorld = useTestWorlds(databases);

interface CopyRow {
  readonly status: string;
  readonly error_code: string | null;
  readonly removed_at: Date | null;
  readonly due_at: Date | null;
}

const copyOf = async (world: TestWorld, fileId: string): Promise<CopyRow | undefined> => {
  const statement =
    'select status, error_code, removed_at, due_at from waybill.provider_file_uploads where file_id = $1';
  return (await world.rows<CopyRow>(statement, [fileId]))[0];
};

const purgedAt = async (world: TestWorld, fileId: string): Promise<Date | null | undefined> =>
  (
    await world.rows<{ purged_at: Date | null }>('select purged_at from waybill.files where id = $1', [
      fileId,
    ])
  )[0]?.purged_at;

const deliveredFile = async (world: TestWorld) => {
  const pipeline = await world.start();
  const { file } = await pipeline.receive(OWNER, sample({ to: ['kimi'] }));
  await pipeline.find(OWNER, file.id, PATIENCE);
  return { pipeline, file };
};

describe('a removal', () => {
  it.each([
    { status: 403, code: /^provider_/u },
    { status: 429, code: /^provider_/u },
    { status: 503, code: /^provider_unavailable$/u },
  ])(
    'V25 V26 that is answered with $status is tried again, and its confirmation is on record',
    async ({ status, code }) => {
      const world = await newWorld();
      const { pipeline, file } = await deliveredFile(world);
      await world.kimi.fault('status', { on: 'delete', status });
      await pipeline.delete(OWNER, file.id);
      const refused = await until('the refusal on record', async () => {
        const copy = await copyOf(world, file.id);
        return copy?.error_code === null ? null : copy;
      });
      expect(refused).toMatchObject({ status: 'deleting', removed_at: null });
      expect(refused.error_code).toMatch(code);
      expect([await purgedAt(world, file.id), await world.blobs()]).toEqual([null, [file.blobKey]]);
      expect(await pipeline.awaitRemoval(file.id, PATIENCE)).toBe(true);
      await until('the master copy to be gone', async () => (await purgedAt(world, file.id)) ?? null);
      expect(await copyOf(world, file.id)).toMatchObject({
        status: 'deleted',
        error_code: null,
        removed_at: expect.any(Date),
      });
      expect(await world.blobs()).toEqual([]);
    },
  );

  it('I18 waits for as long as the provider asks', async () => {
    const world = await newWorld();
    const { pipeline, file } = await deliveredFile(world);
    await world.kimi.fault('status', { on: 'delete', status: 429, retryAfter: 3_600 });
    await pipeline.delete(OWNER, file.id);
    const { due_at: dueAt } = await until('the wait on record', async () => {
      const copy = await copyOf(world, file.id);
      return copy?.due_at == null ? null : copy;
    });
    expect((dueAt?.getTime() ?? 0) - Date.now()).toBeGreaterThan(3_000_000);
    await until('another run of the removal', async () => {
      const runs = await world.rows(
        "select id from waybill_jobs.job where name = 'retire' and retry_count >= 1 and state = 'retry'",
      );
      return runs.length === 1;
    });
    const deletes = (await world.kimi.state()).requests.filter(({ method }) => method === 'DELETE');
    expect(deletes).toHaveLength(1);
    await world.rows('update waybill.provider_file_uploads set due_at = now()');
    expect(await pipeline.awaitRemoval(file.id, PATIENCE)).toBe(true);
  });

  it('S26 of a restored record waits until it has been reconciled', async () => {
    const world = await newWorld();
    const { pipeline, file } = await deliveredFile(world);
    await world.rows('insert into waybill.restored default values');
    await pipeline.delete(OWNER, file.id);
    await until('the reason on record', async () => {
      const copy = await copyOf(world, file.id);
      return copy?.error_code === 'unavailable';
    });
    expect((await world.kimi.state()).files).toHaveLength(1);
    const insert =
      "insert into waybill.passes (id, kind, is_dry_run, is_forced, status, ended_at) values ($1, 'reconcile', $2, false, 'completed', now())";
    await world.rows(insert, ['pass-dry', true]);
    expect((await world.kimi.state()).files).toHaveLength(1);
    await world.rows(insert, ['pass-real', false]);
    expect(await pipeline.awaitRemoval(file.id, PATIENCE)).toBe(true);
    expect((await world.kimi.state()).files).toEqual([]);
  });
});
