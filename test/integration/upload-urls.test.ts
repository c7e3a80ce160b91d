import { describe, expect, it } from 'vitest';
import type { GatewayError } from '../../src/core/errors.ts';
import { deleteEndedUploadUrls } from '../../src/tracking/upload-urls.ts';
import { useTestDatabases } from './support/test-databases.ts';
import { OWNER, sample, type TestPipeline, useTestWorlds } from './support/test-pipeline.ts';

describe('upload URLs of several instances', () => {
  const databases = useTestDatabases({ queues: true });
  const createWorld = useTestWorlds(databases);

  const create = async (pipeline: TestPipeline, ttlMs = 60_000) => {
    const { filename, mediaType, options } = sample({ to: [] });
    const wanted = { owner: OWNER, filename, mediaType, sizeBytes: null, options, ttlMs };
    return pipeline.uploadUrls.create(wanted);
  };
  const codeOf = (error: unknown): string => (error as GatewayError).code;

  it('take one of 20 files that were admitted before any of them had begun', async () => {
    const world = await createWorld();
    const instances = [await world.start(), await world.start({ installation: 'installation-2' })];
    const [first] = instances;
    if (first === undefined) throw new Error('There are two instances.');
    const { url, secret } = await create(first);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, async (_, sender) => {
        const { uploadUrls } = instances[sender % 2] ?? first;
        const admitted = await uploadUrls.admit(url.id, secret);
        return uploadUrls.receive(admitted, sample({ to: [] }));
      }),
    );
    const taken = outcomes.filter(({ status }) => status === 'fulfilled');
    const refused = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [codeOf(outcome.reason)] : [],
    );
    expect(taken).toHaveLength(1);
    expect(new Set(refused)).toEqual(new Set(['upload_url_used']));
    expect((await first.list(OWNER, { limit: 100, order: 'asc' })).files).toHaveLength(1);
  });

  it('keep nothing of an upload that another has overtaken meanwhile', async () => {
    const world = await createWorld();
    const pipeline = await world.start();
    const { url, secret } = await create(pipeline);
    const admitted = await pipeline.uploadUrls.admit(url.id, secret);
    async function* body() {
      yield Buffer.from('First half. ');
      // Its process was thought dead for longer than the lease, and somebody else has the URL now.
      await world.rows('update waybill.upload_urls set claim = gen_random_uuid()');
      yield Buffer.from('Second half.');
    }
    const overtaken = pipeline.uploadUrls.receive(admitted, {
      ...sample({ to: [] }),
      sizeBytes: null,
      body: body(),
    });
    await expect(overtaken).rejects.toMatchObject({ code: 'upload_url_used' });
    expect(await world.rows('select id from waybill.files')).toEqual([]);
    expect(await world.blobs()).toEqual([]);
    // It was not its own to give back.
    expect(await world.rows('select claim is not null as held from waybill.upload_urls')).toEqual([
      { held: true },
    ]);
  });

  it('are given back when the installation that had them starts again, and only then', async () => {
    const world = await createWorld();
    const pipeline = await world.start();
    const { url, secret } = await create(pipeline);
    await world.rows(
      "update waybill.upload_urls set claim = gen_random_uuid(), claimed_by = 'installation-2', claimed_until = now() + interval '1 h'",
    );
    const other = await world.start({ installation: 'installation-3' });
    await expect(other.uploadUrls.admit(url.id, secret)).rejects.toMatchObject({ code: 'upload_url_used' });
    const restarted = await world.start({ installation: 'installation-2' });
    await expect(restarted.uploadUrls.admit(url.id, secret)).resolves.toMatchObject({ owner: OWNER });
  });

  it('are collected an hour after their end, unless an upload has them', async () => {
    const world = await createWorld();
    const pipeline = await world.start();
    const [ended, held, recent] = [await create(pipeline), await create(pipeline), await create(pipeline)];
    const { database } = pipeline.dependencies;
    const end = (id: string, ago: string) =>
      world.rows('update waybill.upload_urls set expires_at = now() - $2::interval where id = $1', [id, ago]);
    await end(ended.url.id, '61 min');
    await end(held.url.id, '61 min');
    await end(recent.url.id, '59 min');
    await world.rows(
      "update waybill.upload_urls set claimed_until = now() + interval '1 min' where id = $1",
      [held.url.id],
    );
    expect(await deleteEndedUploadUrls(database, 3_600_000)).toBe(1);
    const left = await world.rows<{ id: string }>('select id from waybill.upload_urls');
    expect(left.map(({ id }) => id).toSorted()).toEqual([held.url.id, recent.url.id].toSorted());
    await expect(pipeline.uploadUrls.admit(ended.url.id, ended.secret)).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(pipeline.uploadUrls.admit(recent.url.id, recent.secret)).rejects.toMatchObject({
      code: 'upload_expired',
    });
  });
});
