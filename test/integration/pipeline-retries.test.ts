import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { deliverJob } from '../../src/pipeline/job-kinds.ts';
import { recover } from '../../src/pipeline/recover.ts';
import { carryOut } from '../../src/pipeline/run-delivery.ts';
import { deliveriesOf, insertDeliveries } from '../../src/tracking/deliveries.ts';
import { until } from '../support/until.ts';
import { insertFile, newDelivery, newFile } from './support/record-samples.ts';
import { useTestDatabases } from './support/test-databases.ts';
import {
  OWNER,
  PATIENCE,
  sample,
  statuses,
  type TestPipeline,
  type TestWorld,
  useTestWorlds,
} from './support/test-pipeline.ts';

const databases = useTestDatabases({ queues: true });
const newWorld = useTestWorlds(databases);

const sendTo = async (pipeline: TestPipeline, provider: 'kimi' | 'glm' = 'kimi') => {
  const { file } = await pipeline.receive(OWNER, sample({ to: [provider] }));
  return pipeline.find(OWNER, file.id, PATIENCE);
};
const uploadsTo = async (world: TestWorld, provider: 'kimi' | 'glm' = 'kimi'): Promise<number> =>
  (await world[provider].state()).requests.filter(({ method }) => method === 'POST').length;

describe('a delivery that fails', () => {
  it.each([
    ['the provider is busy', 'status', { on: 'upload', status: 429 }, 3],
    // After an answer that leaves open what was done, the provider's list is searched first, twice.
    ['the provider breaks', 'status', { on: 'upload', status: 503 }, 5],
    // Few bytes may have gone all together before the reset is noticed, and then the list is searched too.
    ['the connection is reset before the bytes', 'reset-before', { on: 'upload' }, expect.any(Number)],
    ['the connection is reset among the bytes', 'reset-mid', { afterBytes: 500 }, expect.any(Number)],
  ])(
    'because %s is tried again until it succeeds, and the attempts are counted',
    async (_name, fault, parameters, attempts) => {
      const world = await newWorld();
      const pipeline = await world.start();
      await world.kimi.fault(fault, { ...parameters, times: 2 });
      const found = await sendTo(pipeline);
      expect(found).toMatchObject({
        file: { status: 'processed', statusDetails: null },
        deliveries: [
          { status: 'completed', attempts, errorCode: null, errorMessage: null, bytesSent: 2_000 },
        ],
      });
      expect((await world.kimi.state()).files).toMatchObject([{ sha256: found.file.sha256 }]);
    },
  );

  it('is not tried before the provider said, and says meanwhile why it waits', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    await world.kimi.fault('status', { on: 'upload', status: 429, retryAfter: 1 });
    const { file } = await pipeline.receive(OWNER, sample({ to: ['kimi'] }));
    const waiting = await until('the first failure', async () => {
      const { deliveries } = await pipeline.find(OWNER, file.id);
      return deliveries.find(({ status, attempts }) => status === 'pending' && attempts === 1);
    });
    expect(waiting).toMatchObject({
      errorCode: 'provider_unavailable',
      errorMessage: expect.stringContaining('Kimi'),
    });
    expect(statuses(await pipeline.find(OWNER, file.id, PATIENCE))).toEqual(['kimi: completed']);
    const [first, second] = (await world.kimi.state()).requests.map(({ at }) => Date.parse(at));
    expect(Number(second) - Number(first)).toBeGreaterThanOrEqual(1_000);
  });

  it.each([
    ['refuses the file', { status: 400 }, 'provider_rejected'],
    ['refuses the key', { status: 401 }, 'provider_unauthorized'],
    ['has no room', { status: 429, code: 'exceeded_current_quota_error' }, 'provider_quota_exceeded'],
  ])('for good, since the provider %s, is not tried again', async (_name, parameters, errorCode) => {
    const world = await newWorld();
    const pipeline = await world.start();
    await world.kimi.fault('status', { on: 'upload', ...parameters });
    const found = await sendTo(pipeline);
    expect(found).toMatchObject({
      file: { status: 'error', statusDetails: expect.stringMatching(/^kimi: Kimi answered: /u) },
      deliveries: [{ status: 'failed', attempts: 1, errorCode }],
    });
    expect(await uploadsTo(world)).toBe(1);
    expect(await world.blobs()).toEqual([found.file.blobKey]);
  });

  it('at one provider does not keep it from another', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    await world.kimi.fault('stall', { on: 'upload', times: 10 });
    await Promise.all(Array.from({ length: 6 }, () => pipeline.receive(OWNER, sample({ to: ['kimi'] }))));
    expect(statuses(await sendTo(pipeline, 'glm'))).toEqual(['glm: completed']);
  });

  it('whose master copy is missing is given up, at once', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const { file } = await pipeline.receive(OWNER, sample({ to: [] }));
    await pipeline.dependencies.blobs.remove(file.blobKey);
    await pipeline.deliver({ owner: OWNER, fileId: file.id, provider: 'kimi' });
    const found = await pipeline.find(OWNER, file.id, PATIENCE);
    expect(found.deliveries).toMatchObject([{ status: 'failed', attempts: 1, errorCode: 'internal_error' }]);
    expect(JSON.stringify(found.deliveries)).not.toContain(file.blobKey);
  });
});

describe('a delivery that is not what it was', () => {
  /** A delivery as an earlier run of the gateway left it, with what has become of it since. */
  const leftBehind = async (world: TestWorld, account: string, age = '0 hours') => {
    const dependencies = await world.prepare();
    const early = await world.start();
    const { file } = await early.receive(OWNER, sample({ to: [] }));
    await early.stop();
    const delivery = newDelivery(file.id, { account });
    await insertDeliveries(dependencies.database, [delivery]);
    await dependencies.jobs.send(dependencies.database, deliverJob('kimi'), { deliveryId: delivery.id });
    await world.rows(`update waybill.provider_file_uploads set wanted_at = now() - $1::interval`, [age]);
    return file;
  };

  it('fails for good when it fails once more after a day', async () => {
    const world = await newWorld();
    const file = await leftBehind(world, 'account-1', '25 hours');
    await world.kimi.fault('status', { on: 'upload', status: 503, times: 5 });
    const pipeline = await world.start();
    const { deliveries } = await pipeline.find(OWNER, file.id, PATIENCE);
    expect(deliveries).toMatchObject([{ status: 'failed', attempts: 1, errorCode: 'provider_unavailable' }]);
    expect(await uploadsTo(world)).toBe(1);
  });

  it('fails for good when the key behind it is another now, and sends nothing there', async () => {
    const world = await newWorld();
    const file = await leftBehind(world, 'account-of-another-key');
    const pipeline = await world.start();
    const { deliveries } = await pipeline.find(OWNER, file.id, PATIENCE);
    expect(deliveries).toMatchObject([{ status: 'failed', errorCode: 'unknown_provider' }]);
    expect((await world.kimi.state()).requests).toEqual([]);
  });

  it('waits while its provider is not configured, and goes on when it is again', async () => {
    const world = await newWorld();
    const file = await leftBehind(world, 'account-1');
    const without = await world.start({ providers: new Map([['glm', world.provider('glm')]]) });
    expect(statuses(await sendTo(without, 'glm'))).toEqual(['glm: completed']);
    expect(statuses(await without.find(OWNER, file.id))).toEqual(['kimi: pending']);
    await without.stop();
    const again = await world.start();
    expect(statuses(await again.find(OWNER, file.id, PATIENCE))).toEqual(['kimi: completed']);
  });

  it('takes another id when the provider gives one that is taken', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const first = await sendTo(pipeline);
    await world.kimi.fault('dup-id');
    const second = await sendTo(pipeline);
    expect(second.deliveries).toMatchObject([{ status: 'completed', attempts: 2 }]);
    expect(second.deliveries[0]?.remoteId).not.toBe(first.deliveries[0]?.remoteId);
  });
});

/** A delivery that is being sent, as the record has it, by nobody who is there. */
const inFlight = async (world: TestWorld, { by, lease }: { by: string; lease: string }) => {
  const { file } = await (await world.start()).receive(OWNER, sample({ to: [] }));
  const [inserted] = await insertDeliveries((await world.prepare()).database, [newDelivery(file.id)]);
  await world.rows(
    `update waybill.provider_file_uploads set status = 'uploading', attempts = 1, claimed_by = $1,
     claimed_until = now() + $2::interval where id = $3`,
    [by, lease, inserted?.id],
  );
  return file;
};

describe('a process that stood still between recording a delivery and sending it', () => {
  it('S23 sends nothing of what another has taken over since', async () => {
    const world = await newWorld();
    const file = await inFlight(world, { by: 'installation-2', lease: '1 minute' });
    await world.rows('update waybill.provider_file_uploads set attempts = 2');
    const dependencies = await world.prepare();
    const [theirs] = (await deliveriesOf(dependencies.database, [file.id])).get(file.id) ?? [];
    if (theirs === undefined) throw new Error('There is no delivery.');
    await carryOut(dependencies, {
      delivery: { ...theirs, attempts: 1, doubt: 'none' },
      file,
      signal: new AbortController().signal,
      giveBack: () => undefined,
      newSinceMs: performance.now() - 60_000,
    });
    expect(await uploadsTo(world)).toBe(0);
    expect((await deliveriesOf(dependencies.database, [file.id])).get(file.id)).toEqual([theirs]);
  });
});

describe('a start after a crash', () => {
  it('takes up what this installation was sending, and leaves what another still sends', async () => {
    const world = await newWorld();
    const ours = await inFlight(world, { by: 'installation-1', lease: '1 minute' });
    const theirs = await inFlight(world, { by: 'installation-2', lease: '1 minute' });
    const pipeline = await world.start();
    const found = await pipeline.find(OWNER, ours.id, PATIENCE);
    expect(found.deliveries).toMatchObject([{ status: 'completed', attempts: 2 }]);
    expect((await pipeline.find(OWNER, theirs.id)).deliveries).toMatchObject([
      { status: 'uploading', attempts: 1 },
    ]);
    expect((await world.kimi.state()).files).toMatchObject([{ sha256: ours.sha256 }]);
  });

  it('sends nothing more of a file that was deleted before it', async () => {
    const world = await newWorld();
    const file = await inFlight(world, { by: 'installation-1', lease: '1 minute' });
    await world.rows('update waybill.files set deleted_at = now()');
    const pipeline = await world.start();
    expect(await pipeline.awaitRemoval(file.id, PATIENCE)).toBe(true);
    await until('the master copy to be gone', async () => (await world.blobs()).length === 0);
    expect((await world.kimi.state()).requests).toEqual([]);
  });

  it('collects the blobs that no record names, and keeps one that was recorded right before', async () => {
    const world = await newWorld();
    const { blobs, database } = await world.prepare();
    const stage = async () => {
      const blobKey = randomBytes(16).toString('hex');
      const writer = await blobs.create(blobKey);
      await writer.write(randomBytes(100));
      return { blobKey, ...(await writer.commit()) };
    };
    const [unnamed, named] = [await stage(), await stage()];
    const file = await insertFile(database, newFile(named));
    expect((await world.blobs()).sort()).toEqual([unnamed.blobKey, named.blobKey].sort());
    const pipeline = await world.start();
    expect(await world.blobs()).toEqual([named.blobKey]);
    await pipeline.deliver({ owner: OWNER, fileId: file.id, provider: 'kimi' });
    expect(statuses(await pipeline.find(OWNER, file.id, PATIENCE))).toEqual(['kimi: completed']);
    expect((await world.kimi.state()).files).toMatchObject([{ sha256: named.sha256 }]);
  });

  it('collects the blob of a file that could be neither recorded nor looked up', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    await world.rows('alter table waybill.files rename to files_away');
    await expect(pipeline.receive(OWNER, sample({ to: ['kimi'] }))).rejects.toThrow(/files/u);
    expect(await world.blobs()).toHaveLength(1);
    await world.rows('alter table waybill.files_away rename to files');
    await recover(pipeline.dependencies);
    expect(await world.blobs()).toEqual([]);
  });
});

describe('stopping', () => {
  it('puts a delivery under way back in line, and the next start completes it', async () => {
    const world = await newWorld();
    const first = await world.start();
    await world.kimi.fault('stall');
    const { file } = await first.receive(OWNER, sample({ to: ['kimi'] }));
    await world.kimi.stateWhen(({ requests }) => requests.length === 1);
    await first.stop();
    expect((await first.find(OWNER, file.id)).deliveries).toMatchObject([
      { status: 'pending', attempts: 1, errorCode: null },
    ]);
    const second = await world.start();
    expect((await second.find(OWNER, file.id, PATIENCE)).deliveries).toMatchObject([
      { status: 'completed', attempts: 3 },
    ]);
    expect((await world.kimi.state()).files).toHaveLength(1);
  });

  it('waits for a delivery that ends in time', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    await world.kimi.fault('slow-answer', { on: 'upload', delayMs: 300 });
    const { file } = await pipeline.receive(OWNER, sample({ to: ['kimi'] }));
    await world.kimi.stateWhen(({ requests }) => requests.length === 1);
    await pipeline.stop(10_000);
    expect(statuses(await pipeline.find(OWNER, file.id))).toEqual(['kimi: completed']);
  });
});
