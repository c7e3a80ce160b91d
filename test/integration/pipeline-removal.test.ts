import { describe, expect, it } from 'vitest';
import type { ProviderId } from '../../src/core/provider.ts';
import { until } from '../support/until.ts';
import { JOBS_SCHEMA, useTestDatabases } from './support/test-databases.ts';
import {
  OWNER,
  PATIENCE,
  sample,
  type TestPipeline,
  type TestWorld,
  useTestWorlds,
} from './support/test-pipeline.ts';

const databases = useTestDatabases({ queues: true });
const newWorld = useTestWorlds(databases);

const delivered = async (pipeline: TestPipeline, to: readonly ProviderId[] = ['kimi']) => {
  const { file } = await pipeline.receive(OWNER, sample({ to }));
  return pipeline.find(OWNER, file.id, PATIENCE);
};

/** The states of a file's copies on record, those that are gone included. */
const copiesOf = async (world: TestWorld, fileId: string): Promise<string[]> => {
  const statement = `select provider || ': ' || status as copy from waybill.provider_file_uploads where file_id = $1 order by 1`;
  return (await world.rows<{ copy: string }>(statement, [fileId])).map(({ copy }) => copy);
};
const filesAt = async (world: TestWorld): Promise<string[]> =>
  [...(await world.kimi.state()).files, ...(await world.glm.state()).files].map(({ id }) => id);
const blobGone = (world: TestWorld) =>
  until('the master copy to be gone', async () => (await world.blobs()).length === 0);
const noJobLeft = (world: TestWorld) =>
  until('every job to have ended', async () => {
    const statement = `select id from ${JOBS_SCHEMA}.job where state not in ('completed', 'cancelled', 'failed') and name <> '__pgboss__maintenance'`;
    return (await world.rows(statement)).length === 0;
  });

describe('deleting a file', () => {
  it('takes it away at every provider, then its master copy, and keeps the record of it', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const { file, deliveries } = await delivered(pipeline, ['kimi', 'glm']);
    await pipeline.delete(OWNER, file.id);
    await expect(pipeline.find(OWNER, file.id)).rejects.toMatchObject({ code: 'not_found' });
    expect(await pipeline.awaitRemoval(file.id, PATIENCE)).toBe(true);
    expect(await filesAt(world)).toEqual([]);
    const removed = [...(await world.kimi.state()).deleted, ...(await world.glm.state()).deleted];
    expect([...removed].sort()).toEqual(deliveries.map(({ remoteId }) => remoteId).sort());
    await blobGone(world);
    expect(await copiesOf(world, file.id)).toEqual(['glm: deleted', 'kimi: deleted']);
    await expect(pipeline.delete(OWNER, file.id)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('touches nothing else, neither other files of ours nor files of somebody else', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const foreign = {
      filename: 'notes.txt',
      text: 'Not ours.',
      purpose: 'file-extract',
      createdAt: 1_000_000_000,
    };
    const { id } = (await world.kimi.control('POST', '/files', foreign)).json<{ id: string }>();
    const [leaving, staying] = [await delivered(pipeline), await delivered(pipeline)];
    await pipeline.delete(OWNER, leaving.file.id);
    expect(await pipeline.awaitRemoval(leaving.file.id, PATIENCE)).toBe(true);
    expect((await filesAt(world)).sort()).toEqual([id, String(staying.deliveries[0]?.remoteId)].sort());
    expect(await pipeline.find(OWNER, staying.file.id)).toEqual(staying);
  });

  it("with the same bytes as another owner's leaves that one whole", async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const bytes = Buffer.from('The same words.');
    const [mine, theirs] = await Promise.all(
      [OWNER, 'user-2'].map((owner) =>
        pipeline.receive(owner, sample({ bytes, filename: 'a.txt', to: ['kimi'] })),
      ),
    );
    if (mine === undefined || theirs === undefined) throw new Error('Two files were sent.');
    await Promise.all([
      pipeline.find(OWNER, mine.file.id, PATIENCE),
      pipeline.find('user-2', theirs.file.id, PATIENCE),
    ]);
    await pipeline.delete(OWNER, mine.file.id);
    expect(await pipeline.awaitRemoval(mine.file.id, PATIENCE)).toBe(true);
    expect((await pipeline.find('user-2', theirs.file.id)).deliveries).toMatchObject([
      { status: 'completed' },
    ]);
    expect(await filesAt(world)).toHaveLength(1);
    await until('one master copy', async () => (await world.blobs()).length === 1);
    expect(await world.blobs()).toEqual([theirs.file.blobKey]);
  });

  it('happens once for ten calls at once', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const { file } = await delivered(pipeline);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, () => pipeline.delete(OWNER, file.id)),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await pipeline.awaitRemoval(file.id, PATIENCE)).toBe(true);
    expect((await world.kimi.state()).requests.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
  });

  it('without any copy takes the master copy away', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const { file } = await pipeline.receive(OWNER, sample({ to: [] }));
    await pipeline.delete(OWNER, file.id);
    expect(await pipeline.awaitRemoval(file.id, PATIENCE)).toBe(true);
    await blobGone(world);
  });

  it('takes away what there is at the provider, in whatever state the copy is', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    for (const status of ['completed', 'processing', 'evicted', 'failed', 'deleting'] as const) {
      const { file } = await delivered(pipeline);
      await world.rows('update waybill.provider_file_uploads set status = $1 where file_id = $2', [
        status,
        file.id,
      ]);
      await pipeline.delete(OWNER, file.id);
      expect([status, await pipeline.awaitRemoval(file.id, PATIENCE)]).toEqual([status, true]);
      expect([status, await filesAt(world), await copiesOf(world, file.id)]).toEqual([
        status,
        [],
        ['kimi: deleted'],
      ]);
      await blobGone(world);
    }
  });

  it('with a copy that never arrived has nothing to take away', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    await world.kimi.fault('status', { on: 'upload', status: 400 });
    const { file } = await delivered(pipeline);
    await pipeline.delete(OWNER, file.id);
    expect(await pipeline.awaitRemoval(file.id, PATIENCE)).toBe(true);
    await blobGone(world);
    expect((await world.kimi.state()).requests.map(({ method }) => method)).toEqual(['POST']);
  });
});

describe('a file that is deleted while it is delivered', () => {
  it('waiting for its next try, is not sent any more', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    await world.kimi.fault('status', { on: 'upload', status: 429, retryAfter: 1 });
    const { file } = await pipeline.receive(OWNER, sample({ to: ['kimi'] }));
    await until(
      'the first failure',
      async () => (await pipeline.find(OWNER, file.id)).deliveries[0]?.errorCode !== null,
    );
    await pipeline.delete(OWNER, file.id);
    expect(await pipeline.awaitRemoval(file.id, PATIENCE)).toBe(true);
    await noJobLeft(world);
    expect(await filesAt(world)).toEqual([]);
    expect((await world.kimi.state()).requests).toHaveLength(1);
  });

  it('under way, is taken away as soon as its copy is there', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    await world.kimi.fault('slow-answer', { on: 'upload', delayMs: 1_500 });
    const { file } = await pipeline.receive(OWNER, sample({ to: ['kimi'] }));
    await world.kimi.stateWhen(({ files }) => files.length === 1);
    await pipeline.delete(OWNER, file.id);
    await until('the removal to have been tried', async () => {
      const tried = `select id from ${JOBS_SCHEMA}.job where name = 'retire' and state = 'completed'`;
      return (await world.rows(tried)).length === 1;
    });
    // Its sender may have to read it from the start once more.
    const blobs = await world.blobs();
    expect([await copiesOf(world, file.id), blobs]).toEqual([['kimi: uploading'], [file.blobKey]]);
    expect(await pipeline.awaitRemoval(file.id, { waitMs: 0 })).toBe(false);
    expect(await pipeline.awaitRemoval(file.id, PATIENCE)).toBe(true);
    expect((await world.kimi.state()).deleted).toHaveLength(1);
    expect(await filesAt(world)).toEqual([]);
    await blobGone(world);
  });

  it('under way to a provider that then refuses it, is gone too', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    await world.kimi.fault('early-status', { status: 400, lingerMs: 1 });
    const { file } = await pipeline.receive(OWNER, sample({ to: ['kimi'] }));
    await pipeline.delete(OWNER, file.id);
    expect(await pipeline.awaitRemoval(file.id, PATIENCE)).toBe(true);
    await blobGone(world);
    expect(await filesAt(world)).toEqual([]);
  });
});

describe('a removal', () => {
  it('goes on until it is confirmed, though the provider breaks, says it did not, or its answer is lost', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const files = [await delivered(pipeline), await delivered(pipeline), await delivered(pipeline)].map(
      ({ file }) => file,
    );
    await world.kimi.fault('status', { on: 'delete', status: 500 });
    await world.kimi.fault('deleted-false');
    await world.kimi.fault('delete-then-status', { reset: true });
    await Promise.all(files.map(({ id }) => pipeline.delete(OWNER, id)));
    await until('every failure on record', async () => {
      const failures = await world.rows(
        'select id from waybill.provider_file_uploads where error_code is not null',
      );
      return failures.length === 3;
    });
    for (const { id } of files) expect(await copiesOf(world, id)).toEqual(['kimi: deleting']);
    expect((await world.blobs()).sort()).toEqual(files.map(({ blobKey }) => blobKey).sort());
    expect(await Promise.all(files.map(({ id }) => pipeline.awaitRemoval(id, PATIENCE)))).toEqual([
      true,
      true,
      true,
    ]);
    expect(await filesAt(world)).toEqual([]);
    expect((await world.kimi.state()).deleted).toHaveLength(3);
    await blobGone(world);
  });

  it('is done when the provider has lost the file on its own', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const { file, deliveries } = await delivered(pipeline);
    await world.kimi.control('DELETE', `/files/${deliveries[0]?.remoteId}`);
    await pipeline.delete(OWNER, file.id);
    expect(await pipeline.awaitRemoval(file.id, PATIENCE)).toBe(true);
  });

  it('at one provider does not wait for another that refuses', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const { file } = await delivered(pipeline, ['kimi', 'glm']);
    await world.kimi.fault('status', { on: 'delete', status: 500, times: 1_000 });
    await pipeline.delete(OWNER, file.id);
    await until('the removal at GLM', async () => (await copiesOf(world, file.id)).includes('glm: deleted'));
    expect((await world.glm.state()).files).toEqual([]);
    expect(await copiesOf(world, file.id)).toEqual(['glm: deleted', 'kimi: deleting']);
    expect(await pipeline.awaitRemoval(file.id, { waitMs: 0 })).toBe(false);
    expect(await world.blobs()).toEqual([file.blobKey]);
  });

  it('that no key is there for any more stays on record', async () => {
    const world = await newWorld();
    const first = await world.start();
    const { file } = await delivered(first);
    await first.stop();
    const second = await world.start({ providers: new Map([['kimi', world.provider('kimi', 'account-2')]]) });
    await second.delete(OWNER, file.id);
    await until('the reason on record', async () => {
      const [row] = await world.rows<{ error_code: string }>(
        'select error_code from waybill.provider_file_uploads',
      );
      return row?.error_code === 'unknown_provider';
    });
    expect(await copiesOf(world, file.id)).toEqual(['kimi: deleting']);
    expect(await filesAt(world)).toHaveLength(1);
    await second.stop();
    const third = await world.start();
    expect(await third.awaitRemoval(file.id, PATIENCE)).toBe(true);
    expect(await filesAt(world)).toEqual([]);
  });
});
