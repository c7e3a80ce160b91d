/** What owners may keep, on real Postgres: exact however many come at once, whatever becomes of them. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Quota, type QuotaLimits, setQuotaLimits } from '../../src/tracking/quotas.ts';
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
const newWorld = useTestWorlds(databases);

const limited = (
  world: TestWorld,
  { bytes = null, files = null }: Partial<QuotaLimits>,
  installation = 'installation-1',
): Promise<TestPipeline> => world.start({ quotaLimits: { bytes, files }, installation });

const none = (bytes: number) => sample({ bytes: Buffer.alloc(bytes, 'text '), to: [] });
const shares = ({ bytes, files }: Quota) => ({
  used: [bytes.used, files.used],
  reserved: [bytes.reserved, files.reserved],
});
const EMPTY = { used: [0, 0], reserved: [0, 0] };

/** Calls at once, with the codes of those that were refused. */
const outcomes = async (calls: readonly Promise<unknown>[]): Promise<{ done: number; codes: string[] }> => {
  const settled = await Promise.allSettled(calls);
  const refused = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  return { done: settled.length - refused.length, codes: [...new Set(refused.map(({ code }) => code))] };
};

/** Looks at the record again and again until told, and answers with the most that was ever charged. */
const watchCharged = (world: TestWorld): (() => Promise<{ bytes: number; files: number }>) => {
  const most = { bytes: 0, files: 0 };
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      const [row] = await world.rows<{ bytes: string; files: string }>(
        `select coalesce(sum(bytes), 0) as bytes, count(*) as files from (
           select bytes from waybill.files where deleted_at is null and owner = $1
           union all select bytes from waybill.reservations where owner = $1) as kept`,
        [OWNER],
      );
      most.bytes = Math.max(most.bytes, Number(row?.bytes));
      most.files = Math.max(most.files, Number(row?.files));
    }
  })();
  return async () => {
    isOver = true;
    await watching;
    return most;
  };
};

describe('a quota', () => {
  it('counts what is kept, and forgets what is deleted', async () => {
    const pipeline = await (await newWorld()).start();
    const { file } = await pipeline.receive(OWNER, none(1_000));
    await pipeline.receive(OWNER, none(500));
    expect(shares(await pipeline.quota(OWNER))).toEqual({ used: [1_500, 2], reserved: [0, 0] });
    await pipeline.delete(OWNER, file.id);
    expect(shares(await pipeline.quota(OWNER))).toEqual({ used: [500, 1], reserved: [0, 0] });
    expect(shares(await pipeline.quota('somebody-else'))).toEqual(EMPTY);
  });

  it('takes a file that fills it to the last byte, and not one byte more', async () => {
    const pipeline = await limited(await newWorld(), { bytes: 1_000 });
    await pipeline.receive(OWNER, none(999));
    await expect(pipeline.receive(OWNER, none(2))).rejects.toMatchObject({ code: 'quota_exceeded' });
    await pipeline.receive(OWNER, none(1));
    await expect(pipeline.receive(OWNER, none(1))).rejects.toMatchObject({
      code: 'quota_exceeded',
      message: expect.stringContaining('1000 bytes'),
    });
  });

  it('L11 I6 accepts exactly 10 of 64 that race through two instances, and is never exceeded', async () => {
    const world = await newWorld();
    const limits = { bytes: 10_000, files: 10 };
    const pipelines = [
      await limited(world, limits, 'installation-1'),
      await limited(world, limits, 'installation-2'),
    ];
    const stop = watchCharged(world);
    const uploads = Array.from({ length: 64 }, (_, index) => {
      const pipeline = pipelines[index % 2] as TestPipeline;
      const announced = index % 4 < 2 ? {} : { sizeBytes: null };
      return pipeline.receive(OWNER, { ...none(1_000), ...announced });
    });
    const { done, codes } = await outcomes(uploads);
    const most = await stop();
    expect(codes).toEqual(['quota_exceeded']);
    expect(done).toBe(10);
    expect(most.bytes).toBeLessThanOrEqual(limits.bytes);
    expect(most.files).toBeLessThanOrEqual(limits.files);
    expect(shares(await (pipelines[0] as TestPipeline).quota(OWNER))).toEqual({
      used: [10_000, 10],
      reserved: [0, 0],
    });
  });

  it('is given back what a file did not need, did not become, or could not be', async () => {
    const world = await newWorld();
    const pipeline = await limited(world, { bytes: 100_000 });
    await pipeline.receive(OWNER, { ...none(1_000), sizeBytes: null, likelySizeBytes: 50_000 });
    expect(shares(await pipeline.quota(OWNER))).toEqual({ used: [1_000, 1], reserved: [0, 0] });
    const broken = async function* () {
      yield Buffer.from('beginning');
      throw new Error('The client went away.');
    };
    await expect(pipeline.receive(OWNER, { ...none(90_000), body: broken() })).rejects.toThrow();
    const short = { ...none(10), sizeBytes: 90_000 };
    await expect(pipeline.receive(OWNER, short)).rejects.toMatchObject({ code: 'incomplete_body' });
    expect(shares(await pipeline.quota(OWNER))).toEqual({ used: [1_000, 1], reserved: [0, 0] });
  });

  it('lets a file of unknown size grow to what is left of it', async () => {
    const pipeline = await limited(await newWorld(), { bytes: 200_000 });
    await pipeline.receive(OWNER, { ...none(200_000), sizeBytes: null });
    await pipeline.delete(
      OWNER,
      (await pipeline.list(OWNER, { limit: 1, order: 'asc' })).files[0]?.file.id ?? '',
    );
    await expect(pipeline.receive(OWNER, { ...none(200_001), sizeBytes: null })).rejects.toMatchObject({
      code: 'quota_exceeded',
    });
    expect(shares(await pipeline.quota(OWNER))).toEqual(EMPTY);
  });

  it('counts bytes that are here already as well', async () => {
    const pipeline = await limited(await newWorld(), { bytes: 1_500 });
    const { file } = await pipeline.receive(OWNER, none(1_000));
    const { sha256, sizeBytes, filename, mediaType } = file;
    const options = none(1).options;
    const known = { owner: OWNER, sha256, sizeBytes, filename, mediaType, options };
    await expect(pipeline.receiveKnown(known)).rejects.toMatchObject({ code: 'quota_exceeded' });
    await setQuotaLimits(pipeline.dependencies.database, OWNER, { bytes: 2_000 });
    await pipeline.receiveKnown(known);
    expect(shares(await pipeline.quota(OWNER))).toEqual({ used: [2_000, 2], reserved: [0, 0] });
  });

  it('can be another for one owner, none, and the common one again', async () => {
    const pipeline = await limited(await newWorld(), { bytes: 100, files: 1 });
    expect((await pipeline.setQuota(OWNER, { bytes: 5_000 })).bytes.limit).toBe(5_000);
    await pipeline.receive(OWNER, none(1_000));
    await expect(pipeline.receive(OWNER, none(1_000))).rejects.toMatchObject({
      message: expect.stringContaining('1 files'),
    });
    expect(await pipeline.setQuota(OWNER, { files: 0 })).toMatchObject({
      bytes: { limit: 5_000 },
      files: { limit: null, used: 1 },
    });
    await pipeline.receive(OWNER, none(1_000));
    expect((await pipeline.setQuota(OWNER, { bytes: null, files: null })).files.limit).toBe(1);
    await expect(pipeline.receive(OWNER, none(1))).rejects.toMatchObject({ code: 'quota_exceeded' });
  });

  it('is not left short by a process that died while files came in', async () => {
    const world = await newWorld();
    const pipeline = await limited(world, { bytes: 1_000 });
    const { quotas } = pipeline.dependencies;
    await quotas.reserve({ id: `file-${randomUUID()}`, owner: OWNER, sizeBytes: 1_000 });
    await expect(pipeline.receive(OWNER, none(1))).rejects.toMatchObject({ code: 'quota_exceeded' });
    const restarted = await limited(world, { bytes: 1_000 });
    expect(shares(await restarted.quota(OWNER))).toEqual(EMPTY);
    await restarted.receive(OWNER, none(1_000));
  });

  it('takes back the reservations of an instance that says nothing any more, and keeps those of one that does', async () => {
    const world = await newWorld();
    const [dead, alive] = [await limited(world, {}, 'dead'), await limited(world, {}, 'alive')];
    await dead.dependencies.quotas.reserve({ id: 'file-dead', owner: OWNER, sizeBytes: 10 });
    const held = await alive.dependencies.quotas.reserve({ id: 'file-alive', owner: OWNER, sizeBytes: 20 });
    await world.rows("update waybill.reservations set expires_at = now() - interval '1 second'");
    await alive.dependencies.quotas.tend();
    expect((await alive.quota(OWNER)).bytes.reserved).toBe(20);
    await held.release();
    expect(shares(await alive.quota(OWNER))).toEqual(EMPTY);
  });

  it('S23 asks for room again when a reservation lapsed meanwhile, and refuses when it is gone', async () => {
    const world = await newWorld();
    const pipeline = await limited(world, { bytes: 1_000 });
    const lapse = async function* () {
      yield Buffer.alloc(600, 'text ');
      await world.rows("update waybill.reservations set expires_at = now() - interval '1 second'");
      // As another instance does, to which the process looks dead.
      await world.rows(`with gone as (delete from waybill.reservations returning *)
        update waybill.quotas q set charged_bytes = charged_bytes - gone.bytes, charged_files = charged_files - 1
        from gone where gone.owner = q.owner`);
    };
    await pipeline.receive(OWNER, { ...none(600), body: lapse() });
    expect(shares(await pipeline.quota(OWNER))).toEqual({ used: [600, 1], reserved: [0, 0] });
    const lapseAndFill = async function* () {
      yield* lapse();
      await pipeline.receive(OWNER, none(100));
    };
    const late = pipeline.receive(OWNER, { ...none(400), sizeBytes: 400, body: cut(lapseAndFill(), 400) });
    await expect(late).rejects.toMatchObject({ code: 'quota_exceeded' });
    expect(shares(await pipeline.quota(OWNER))).toEqual({ used: [700, 2], reserved: [0, 0] });
  });

  it('keeps its word although it was lowered meanwhile: U42 what was reserved can be completed', async () => {
    const pipeline = await limited(await newWorld(), { bytes: 1_000 });
    const upload = await pipeline.uploads.create({ ...described(), lengthBytes: 800 });
    expect(shares(await pipeline.quota(OWNER))).toEqual({ used: [0, 0], reserved: [800, 1] });
    await pipeline.setQuota(OWNER, { bytes: 10 });
    await append(pipeline, upload.id, 800);
    expect(shares(await pipeline.quota(OWNER))).toEqual({ used: [800, 1], reserved: [0, 0] });
  });

  it('U42 refuses an upload of open length for which there is no room any more, and keeps nothing of it charged', async () => {
    const pipeline = await limited(await newWorld(), { bytes: 1_000 });
    const upload = await pipeline.uploads.create({ ...described(), lengthBytes: null });
    await pipeline.receive(OWNER, none(900));
    await expect(append(pipeline, upload.id, 200)).rejects.toMatchObject({ code: 'quota_exceeded' });
    await pipeline.uploads.remove({ owner: OWNER, id: upload.id });
    expect(shares(await pipeline.quota(OWNER))).toEqual({ used: [900, 1], reserved: [0, 0] });
  });

  it('is given back what uploads had that are given up or expire', async () => {
    const world = await newWorld();
    const pipeline = await limited(world, { bytes: 1_000 });
    const { id } = await pipeline.uploads.create({ ...described(), lengthBytes: 600 });
    await expect(pipeline.uploads.create({ ...described(), lengthBytes: 600 })).rejects.toMatchObject({
      code: 'quota_exceeded',
    });
    await pipeline.uploads.remove({ owner: OWNER, id });
    const second = await pipeline.uploads.create({ ...described(), lengthBytes: 600 });
    await world.rows('update waybill.uploads set expires_at = now()');
    await expect(pipeline.uploads.find({ owner: OWNER, id: second.id })).rejects.toMatchObject({
      code: 'upload_expired',
    });
    expect(shares(await pipeline.quota(OWNER))).toEqual(EMPTY);
  });

  it('L04 lets an owner begin 256 uploads and no more, other owners some too, and again when one has gone', async () => {
    const pipeline = await (await newWorld()).start();
    const begin = (owner = OWNER) => pipeline.uploads.create({ ...described(), owner, lengthBytes: 1 });
    const { done, codes } = await outcomes(Array.from({ length: 300 }, () => begin()));
    expect([done, codes]).toEqual([256, ['rate_limited']]);
    const { id } = await begin('user-2');
    expect(id).toMatch(/^file-/u);
    const [row] = await pipeline.dependencies.database
      .selectFrom('uploads')
      .select('id')
      .where('owner', '=', OWNER)
      .limit(1)
      .execute();
    await pipeline.uploads.remove({ owner: OWNER, id: row?.id ?? '' });
    await begin();
  });

  it('agrees with what is there after any of this', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const received = await Promise.all(Array.from({ length: 8 }, () => pipeline.receive(OWNER, none(1_000))));
    await Promise.all(received.slice(0, 4).map(({ file }) => pipeline.delete(OWNER, file.id)));
    await pipeline.find(OWNER, received[5]?.file.id ?? '', PATIENCE);
    expect(
      await world.rows('select charged_bytes::int as bytes, charged_files::int as files from waybill.quotas'),
    ).toEqual([{ bytes: 4_000, files: 4 }]);
    expect(await world.rows('select * from waybill.reservations')).toEqual([]);
  });
});

const described = () => {
  const { filename, mediaType, options } = none(1);
  return { owner: OWNER, filename, mediaType, options, metadata: null };
};

const append = (pipeline: TestPipeline, id: string, bytes: number) =>
  pipeline.uploads.append(
    { owner: OWNER, id },
    {
      offsetBytes: 0,
      lengthBytes: null,
      isAllOrNothing: false,
      body: none(bytes).body,
    },
  );

/** The first bytes of a body; the rest runs and is dropped. */
async function* cut(body: AsyncIterable<Buffer>, sizeBytes: number): AsyncGenerator<Buffer> {
  let leftBytes = sizeBytes;
  for await (const chunk of body) {
    if (leftBytes > 0) yield chunk.subarray(0, leftBytes);
    leftBytes -= chunk.length;
  }
}
