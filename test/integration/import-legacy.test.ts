/** The earlier system's tables, on a real database and with thousands of rows, taken over. */
import { describe, expect, it } from 'vitest';
import type { ImportReport } from '../../src/core/import-report.ts';
import { importLegacy } from '../../src/pipeline/import-legacy.ts';
import { until } from '../support/until.ts';
import { useTestDatabases } from './support/test-databases.ts';
import { PATIENCE, type TestPipeline, type TestWorld, useTestWorlds } from './support/test-pipeline.ts';

const databases = useTestDatabases({ queues: true });
const newWorld = useTestWorlds(databases);

const TEXT = 'Words of the earlier system.';
const PRESENT = 12;

/** As the earlier system made them, in its last layout. */
const TABLES = `
  create table files (id uuid primary key default gen_random_uuid(), storage_path text unique not null,
    original_name text not null, mime_type text, size_bytes integer, created_at timestamptz default now());
  create table provider_file_uploads (id uuid primary key default gen_random_uuid(),
    provider text not null, provider_file_id text not null, sha256 text, filename text, file_size_bytes integer,
    last_used timestamptz default now(), upload_status text default 'completed', error_message text,
    created_at timestamptz default now(), updated_at timestamptz default now(), supabase_file_id text,
    unique (provider, provider_file_id))`;

const legacyOf = async (world: TestWorld, remoteIds: readonly string[]): Promise<string> => {
  const url = await databases.empty();
  await databases.query(url, TABLES);
  await databases.query(
    url,
    `insert into provider_file_uploads (provider, provider_file_id, sha256, filename, file_size_bytes, upload_status)
     select case when i % 10 = 3 then 'openai' else 'kimi' end, 'gone-' || i, encode(sha256(i::text::bytea), 'hex'),
       'old-' || i || '.txt', 100, case when i % 10 = 3 then 'completed' when i % 2 = 0 then 'failed' when i % 50 = 1 then 'completed' else 'deleted' end
     from generate_series(1, 5000) as i`,
  );
  await databases.query(
    url,
    `with file as (insert into files (storage_path, original_name, mime_type, size_bytes)
       select 'uploads/' || id, 'kept.txt', 'text/plain', $2 from unnest($1::text[]) as id returning id, storage_path)
     insert into provider_file_uploads (provider, provider_file_id, sha256, supabase_file_id)
     select 'kimi', substr(storage_path, 9), encode(sha256('words'), 'hex'), id::text from file`,
    [remoteIds, Buffer.byteLength(TEXT)],
  );
  await databases.query(
    url,
    `insert into provider_file_uploads (provider, provider_file_id, sha256, filename, file_size_bytes, upload_status) values
       ('kimi', 'no-hash', null, 'a.txt', 1, 'completed'), ('kimi', 'bad-hash', 'xyz', 'a.txt', 1, 'completed'),
       ('other', 'x', repeat('a', 64), 'a.txt', 1, 'completed'), ('kimi', '', repeat('a', 64), 'a.txt', 1, 'completed')`,
  );
  expect(world.url).not.toBe(url);
  return url;
};

const stored = async (world: TestWorld): Promise<string[]> => {
  const ids: string[] = [];
  for (let made = 0; made < PRESENT; made += 1) {
    const file = { filename: 'kept.txt', text: TEXT, purpose: 'file-extract', createdAt: 1_700_000_000 };
    ids.push((await world.kimi.control('POST', '/files', file)).json<{ id: string }>().id);
  }
  return ids;
};

const run = (
  { dependencies }: TestPipeline,
  from: string,
  asked: { isDryRun?: boolean; owner?: string } = {},
): Promise<ImportReport> =>
  importLegacy({
    ...dependencies,
    from,
    fromSchema: 'public',
    owner: asked.owner ?? null,
    defaultOwner: 'local',
    isDryRun: asked.isDryRun ?? false,
    signal: new AbortController().signal,
  });

describe('importing the earlier record', () => {
  it('takes over what its providers still have, once, and says why not the rest', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const remoteIds = await stored(world);
    const from = await legacyOf(world, remoteIds);
    const foreseen = await run(pipeline, from, { isDryRun: true });
    expect(await world.rows('select id from waybill.files')).toEqual([]);
    const first = await run(pipeline, from);
    expect({ ...first, isDryRun: true }).toEqual(foreseen);
    expect(first).toMatchObject({ rows: 5_016, imported: PRESENT, importedBefore: 0 });
    expect(first.skipped).toEqual({
      failed_there: 2_500,
      deleted_there: 1_900,
      provider_not_configured: 500,
      missing_at_provider: 100,
      no_sha256: 2,
      unknown_provider: 1,
      no_provider_file_id: 1,
    });
    expect(await run(pipeline, from)).toMatchObject({ imported: 0, importedBefore: PRESENT });
    const { files } = await pipeline.list('local', { limit: 100, order: 'asc' });
    expect(files.map(({ deliveries }) => deliveries[0]?.remoteId).sort()).toEqual(remoteIds.toSorted());
    expect(files[0]?.file).toMatchObject({
      filename: 'kept.txt',
      mediaType: 'text/plain',
      status: 'processed',
    });
    expect(await pipeline.quota('local')).toMatchObject({ files: { used: PRESENT } });
  });

  it('makes the copies ours: read, never evicted or sent again, and removed with their file', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const [remoteId = '', other = ''] = await stored(world);
    await run(pipeline, await legacyOf(world, [remoteId]), { owner: 'user-7' });
    const { files } = await pipeline.list('user-7', { limit: 100, order: 'asc' });
    const id = files[0]?.file.id ?? '';
    expect(files).toHaveLength(1);
    await pipeline.deliver({ owner: 'user-7', fileId: id, provider: 'glm' });
    const { deliveries } = await pipeline.find('user-7', id, PATIENCE);
    expect(deliveries.find(({ provider }) => provider === 'glm')).toMatchObject({
      status: 'failed',
      errorCode: 'content_unavailable',
    });
    await pipeline.delete('user-7', id);
    expect(await pipeline.awaitRemoval(id, PATIENCE)).toBe(true);
    const left = (await world.kimi.state()).files.map((file) => file.id);
    expect([left.includes(remoteId), left.includes(other)]).toEqual([false, true]);
    await until('the confirmation', async () => {
      const [copy] = await world.rows<{ removed_at: Date | null }>(
        'select removed_at from waybill.provider_file_uploads where provider_file_id = $1',
        [remoteId],
      );
      return copy?.removed_at;
    });
  });

  it('rejects with what is missing where there are no such tables', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    await expect(run(pipeline, await databases.empty())).rejects.toThrow(
      'no table public.provider_file_uploads',
    );
  });
});
