import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../src/core/errors.ts';
import { randomText } from '../support/random-text.ts';
import { until } from '../support/until.ts';
import { useTestDatabases } from './support/test-databases.ts';
import {
  bodyOf,
  OWNER,
  PATIENCE,
  sample,
  statuses,
  type TestPipeline,
  useTestWorlds,
} from './support/test-pipeline.ts';

const databases = useTestDatabases({ queues: true });
const newWorld = useTestWorlds(databases);
const MB = 2 ** 20;
const SIZE = 4 * MB;

/** A body that stops in the middle until it is told to go on, or to break. */
const haltingBody = (bytes: Buffer) => {
  const halt = Promise.withResolvers<void>();
  // The body may not have come to its halt yet when it is told to break.
  halt.promise.catch(() => undefined);
  async function* body(): AsyncGenerator<Buffer> {
    yield* bodyOf(bytes.subarray(0, 3 * MB));
    await halt.promise;
    yield* bodyOf(bytes.subarray(3 * MB));
  }
  return { body: body(), goOn: () => halt.resolve(), breakOff: (error: Error) => halt.reject(error) };
};

const sentTo = (pipeline: TestPipeline, provider: 'kimi' | 'glm'): number =>
  pipeline.dependencies.receptions.of(OWNER)[0]?.sentBytes.get(provider) ?? 0;

describe('A file that comes in', () => {
  it('goes on to each of its providers as it comes, and is there once at each, as the record says', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const bytes = randomText(SIZE);
    const { body, goOn } = haltingBody(bytes);
    const incoming = sample({ to: ['kimi', 'glm'], bytes, body });
    const receiving = pipeline.receive(OWNER, incoming);
    await until(
      'both have got some',
      async () => sentTo(pipeline, 'kimi') > 0 && sentTo(pipeline, 'glm') > 0,
    );
    goOn();
    const { file } = await receiving;
    const found = await pipeline.find(OWNER, file.id, PATIENCE);
    expect(statuses(found)).toEqual(['glm: completed', 'kimi: completed']);
    for (const each of [world.kimi, world.glm]) {
      const { files, requests } = await each.state();
      expect(files).toMatchObject([{ sha256: incoming.sha256 }]);
      expect(requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
    }
    expect(found.deliveries).toMatchObject([
      { attempts: 1, bytesSent: SIZE },
      { attempts: 1, bytesSent: SIZE },
    ]);
  });

  it('and breaks off leaves nothing anywhere', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const bytes = randomText(SIZE);
    const { body, breakOff } = haltingBody(bytes);
    const receiving = pipeline.receive(OWNER, sample({ to: ['kimi'], bytes, body }));
    await until('the provider has got some', async () => sentTo(pipeline, 'kimi') > 0);
    const refused = expect(receiving).rejects.toMatchObject({ code: 'incomplete_body' });
    breakOff(new GatewayError('incomplete_body', 'The connection ended.'));
    await refused;
    expect((await world.kimi.state()).files).toEqual([]);
    expect(await world.rows('select id from waybill.files')).toEqual([]);
    expect(await world.blobs()).toEqual([]);
    // The slot is free again, and the account as healthy as before.
    const { file } = await pipeline.receive(OWNER, sample({ to: ['kimi'] }));
    expect(statuses(await pipeline.find(OWNER, file.id, PATIENCE))).toEqual(['kimi: completed']);
  });

  it('of a size that the owner has a file of waits until it is known, and the same bytes are not sent', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const bytes = randomText(SIZE);
    for (let time = 0; time < 2; time += 1) {
      const { file } = await pipeline.receive(OWNER, sample({ to: ['kimi'], bytes }));
      expect(statuses(await pipeline.find(OWNER, file.id, PATIENCE))).toEqual(['kimi: completed']);
    }
    const { requests } = await world.kimi.state();
    expect(requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  it.each([
    ['longer', SIZE - 5],
    ['shorter', SIZE + 5],
  ])('and is %s than it looked is sent again from the master copy', async (_, likelySizeBytes) => {
    const world = await newWorld();
    const pipeline = await world.start();
    const bytes = randomText(SIZE);
    const incoming = sample({ to: ['kimi'], bytes, sizeBytes: null, likelySizeBytes });
    const { file } = await pipeline.receive(OWNER, incoming);
    expect(statuses(await pipeline.find(OWNER, file.id, PATIENCE))).toEqual(['kimi: completed']);
    expect((await world.kimi.state()).files).toMatchObject([{ sha256: incoming.sha256, bytes: SIZE }]);
  });

  it('and is to go elsewhere, by what follows it, goes there only', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const bytes = randomText(SIZE);
    const incoming = sample({ to: ['kimi'], bytes });
    const finalOptions = () => ({
      ...incoming.options,
      destination: { kind: 'named', providers: ['glm'] } as const,
    });
    const { file } = await pipeline.receive(OWNER, { ...incoming, finalOptions });
    expect(statuses(await pipeline.find(OWNER, file.id, PATIENCE))).toEqual(['glm: completed']);
    expect((await world.kimi.state()).files).toEqual([]);
  });

  it.each([
    ['refuses it for good', { status: 413 }, ['kimi: failed'], 0],
    ['is in trouble', { status: 503 }, ['kimi: completed'], 1],
  ])(
    'is kept, and its delivery ends as it must, when the provider %s half way',
    async (_, fault, ends, held) => {
      const world = await newWorld();
      const pipeline = await world.start();
      await world.kimi.fault('early-status', fault);
      const { file } = await pipeline.receive(OWNER, sample({ to: ['kimi'], bytes: randomText(SIZE) }));
      expect(statuses(await pipeline.find(OWNER, file.id, PATIENCE))).toEqual(ends);
      expect((await world.kimi.state()).files).toHaveLength(held);
    },
  );
});

describe('A file that has come in', () => {
  it('is delivered without a job, and taken up from the record when that cannot be', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const { file } = await pipeline.receive(OWNER, sample({ to: ['kimi'] }));
    await pipeline.find(OWNER, file.id, PATIENCE);
    const jobs = `select 1 from waybill_jobs.job where name = 'deliver-kimi'`;
    expect(await world.rows(jobs)).toEqual([]);
    await world.kimi.fault('status', { on: 'upload', status: 429 });
    const again = await pipeline.receive(OWNER, sample({ to: ['kimi'] }));
    const found = await pipeline.find(OWNER, again.file.id, PATIENCE);
    expect(found.deliveries).toMatchObject([{ status: 'completed' }]);
    expect((await world.rows(jobs)).length).toBeGreaterThan(0);
  });
});
