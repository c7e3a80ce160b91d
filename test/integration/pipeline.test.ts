import { createHash } from 'node:crypto';
import { buffer, text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../src/core/errors.ts';
import type { ProviderId } from '../../src/core/provider.ts';
import { png } from '../support/make-content.ts';
import { randomText } from '../support/random-text.ts';
import { until } from '../support/until.ts';
import { useTestDatabases } from './support/test-databases.ts';
import {
  bodyOf,
  OWNER,
  PATIENCE,
  type Sample,
  sample,
  statuses,
  type TestWorld,
  useTestWorlds,
} from './support/test-pipeline.ts';

const databases = useTestDatabases({ queues: true });
const newWorld = useTestWorlds(databases);
const MB = 2 ** 20;

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error) => (error instanceof GatewayError ? error.code : String(error)),
  );

/** What is left of files that were refused. */
const remains = async (world: TestWorld) => ({
  rows: await world.rows(
    'select id from waybill.files union all select file_id from waybill.provider_file_uploads',
  ),
  blobs: await world.blobs(),
  atProviders: [...(await world.kimi.state()).files, ...(await world.glm.state()).files],
});
const NOTHING = { rows: [], blobs: [], atProviders: [] };

/** The name that a copy was sent under, without what tells it from others. */
const withoutMark = (filename: string): string => filename.replace(/\.wb-[0-9a-f]{12}/u, '');

describe('receiving a file', () => {
  it('keeps it, records it, and delivers it: client, blob, record and providers agree on the bytes', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const incoming = sample({ bytes: randomText(3 * MB + 7), to: ['kimi', 'glm'] });
    const received = await pipeline.receive(OWNER, incoming);
    expect(received.file).toMatchObject({
      owner: OWNER,
      sha256: incoming.sha256,
      sizeBytes: 3 * MB + 7,
      status: 'uploaded',
    });
    expect(statuses(received)).toEqual(['glm: uploading', 'kimi: uploading']);

    const found = await pipeline.find(OWNER, received.file.id, PATIENCE);
    expect(statuses(found)).toEqual(['glm: completed', 'kimi: completed']);
    expect(found.file).toMatchObject({ status: 'processed', statusDetails: null });
    expect(found.deliveries.map(({ attempts, bytesSent }) => [attempts, bytesSent])).toEqual([
      [1, 3 * MB + 7],
      [1, 3 * MB + 7],
    ]);
    const stored = [...(await world.kimi.state()).files, ...(await world.glm.state()).files];
    expect(stored.map(({ id }) => id).sort()).toEqual(
      found.deliveries.map(({ remoteId }) => remoteId).sort(),
    );
    expect(stored.map(({ sha256 }) => sha256)).toEqual([incoming.sha256, incoming.sha256]);
    for (const { filename } of stored) expect(withoutMark(filename)).toBe(incoming.filename);

    expect(await world.blobs()).toEqual([found.file.blobKey]);
    const bytes = await buffer(pipeline.bytes(found.file.blobKey, { start: 0, end: found.file.sizeBytes }));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(incoming.sha256);
    expect(await pipeline.describeProviders()).toMatchObject([
      { use: { files: 1, bytes: 3 * MB + 7 } },
      { use: { files: 1 } },
    ]);
  });

  it('without a destination only keeps it', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const received = await pipeline.receive(OWNER, sample({ to: [] }));
    expect(received).toMatchObject({ file: { status: 'processed' }, deliveries: [] });
    expect((await world.kimi.state()).requests).toEqual([]);
  });

  it('by auto chooses by size, with the reason on record', async () => {
    const world = await newWorld();
    const pipeline = await world.start({ autoGlmAboveBytes: 1_000 });
    const [small, large] = [sample({ bytes: randomText(1_000) }), sample({ bytes: randomText(1_001) })];
    expect((await pipeline.receive(OWNER, small)).deliveries).toMatchObject([
      { provider: 'kimi', reason: 'Up to 1000 bytes auto prefers kimi.' },
    ]);
    expect((await pipeline.receive(OWNER, large)).deliveries).toMatchObject([
      { provider: 'glm', reason: 'Above 1000 bytes auto prefers glm.' },
    ]);
  });

  it('records the refusal of one provider and delivers to the other', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const received = await pipeline.receive(OWNER, sample({ filename: 'a.md', to: ['kimi', 'glm'] }));
    const found = await pipeline.find(OWNER, received.file.id, PATIENCE);
    expect(statuses(found)).toEqual(['glm: failed', 'kimi: completed']);
    expect(found.deliveries.find(({ provider }) => provider === 'glm')).toMatchObject({
      errorCode: 'no_provider_accepts',
      attempts: 0,
    });
    expect(found.file.status).toBe('processed');
    expect((await world.glm.state()).requests).toEqual([]);
  });

  it('keeps fields that follow the file as the last word', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const before = sample({ to: ['kimi'] });
    const { file, deliveries } = await pipeline.receive(OWNER, {
      ...before,
      finalOptions: () => ({
        purpose: 'batch',
        destination: { kind: 'named', providers: [] },
        expiresAfterMs: 3_600_000,
      }),
    });
    expect(file.purpose).toBe('batch');
    expect(deliveries).toEqual([]);
    const lifetimeMs = Number(file.expiresAt) - file.createdAt.getTime();
    expect(Math.abs(lifetimeMs - 3_600_000)).toBeLessThan(60_000);
  });

  const failing = (error: unknown) =>
    (async function* () {
      yield Buffer.alloc(100_000, 'a');
      throw error;
    })();

  const refused: readonly [string, Sample, string][] = [
    ['announced as empty', { bytes: Buffer.alloc(0) }, 'empty_file'],
    ['that turns out empty', { bytes: Buffer.alloc(0), sizeBytes: null }, 'empty_file'],
    ['announced as too large', { sizeBytes: 51 * MB }, 'file_too_large'],
    [
      'that turns out too large',
      { bytes: Buffer.alloc(50 * MB + 1, 'a'), sizeBytes: null },
      'file_too_large',
    ],
    ['shorter than announced', { sizeBytes: 2_001 }, 'incomplete_body'],
    ['longer than announced', { sizeBytes: 1_999 }, 'incomplete_body'],
    ['that no provider asked for takes', { filename: 'a.md', to: ['glm'] }, 'no_provider_accepts'],
    [
      'that no provider asked for takes, as shows at the end',
      { filename: 'a.md', to: ['glm'], sizeBytes: null },
      'no_provider_accepts',
    ],
    [
      'whose body breaks',
      { body: failing(new GatewayError('incomplete_body', 'Gone.')), sizeBytes: null },
      'incomplete_body',
    ],
    [
      'whose body fails in a way nobody knows',
      { body: failing(new Error('boom')), sizeBytes: null },
      'Error: boom',
    ],
    [
      'whose last fields are wrong',
      {
        finalOptions: () => {
          throw new GatewayError('invalid_purpose', 'No such purpose.');
        },
      },
      'invalid_purpose',
    ],
  ];

  it('refuses one that is empty, too large, broken, unwanted or not as announced, and keeps nothing', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    for (const [name, given, code] of refused) {
      expect([name, await codeOf(pipeline.receive(OWNER, sample(given)))]).toEqual([name, code]);
      expect([name, await remains(world)]).toEqual([name, NOTHING]);
    }
  });

  it('shows and sends nothing of it before all of it is there', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const bytes = randomText(200_000);
    const rest = Promise.withResolvers<void>();
    const half = Promise.withResolvers<void>();
    const body = (async function* () {
      yield bytes.subarray(0, 100_000);
      half.resolve();
      await rest.promise;
      yield bytes.subarray(100_000);
    })();
    const receiving = pipeline.receive(OWNER, sample({ bytes, body, to: ['kimi'] }));
    await half.promise;
    expect((await pipeline.list(OWNER, { limit: 10, order: 'asc' })).files).toEqual([]);
    expect((await world.kimi.state()).files).toEqual([]);
    rest.resolve();
    expect((await receiving).file.sizeBytes).toBe(200_000);
  });

  it('that the record refuses leaves no blob', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    await world.rows(
      `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$`,
    );
    await world.rows(
      'create trigger refuse before insert on waybill.provider_file_uploads for each row execute function refuse()',
    );
    await expect(pipeline.receive(OWNER, sample({ to: ['kimi'] }))).rejects.toThrow('no');
    expect(await remains(world)).toEqual(NOTHING);
    await world.rows('drop trigger refuse on waybill.provider_file_uploads');
    expect(await codeOf(pipeline.receive(OWNER, sample()))).toBe('none');
  });

  it('fifty times at once loses and mixes up nothing', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const samples = Array.from({ length: 50 }, (_, i) =>
      sample({ bytes: randomText(1_000 + i * 3_000), to: ['kimi', 'glm'] }),
    );
    const received = await Promise.all(samples.map((one) => pipeline.receive(OWNER, one)));
    const found = await Promise.all(received.map(({ file }) => pipeline.find(OWNER, file.id, PATIENCE)));
    expect(found.map(({ file }) => file.sha256)).toEqual(samples.map(({ sha256 }) => sha256));
    expect(new Set(found.flatMap(statuses))).toEqual(new Set(['kimi: completed', 'glm: completed']));
    for (const { files } of [await world.kimi.state(), await world.glm.state()]) {
      expect(files.map(({ filename, sha256 }) => `${withoutMark(filename)} ${sha256}`).sort()).toEqual(
        samples.map(({ filename, sha256 }) => `${filename} ${sha256}`).sort(),
      );
    }
    expect((await world.blobs()).sort()).toEqual(found.map(({ file }) => file.blobKey).sort());
  });
});

describe('a repeated request', () => {
  it('is answered with the file of the first, however many come at once', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const bytes = randomText(5_000);
    const request = () =>
      sample({ bytes, filename: 'a.txt', body: bodyOf(bytes), idempotencyKey: 'key-1', to: ['kimi'] });
    const answers = await Promise.all(Array.from({ length: 10 }, () => pipeline.receive(OWNER, request())));
    const ids = new Set(answers.map(({ file }) => file.id));
    expect(ids.size).toBe(1);
    await pipeline.find(OWNER, [...ids].join(), PATIENCE);
    expect((await world.kimi.state()).files).toHaveLength(1);
    expect(await world.blobs()).toHaveLength(1);
    expect(await codeOf(pipeline.receive(OWNER, sample({ idempotencyKey: 'key-1', to: [] })))).toBe(
      'idempotency_conflict',
    );
    const foreign = await pipeline.receive('user-2', request());
    expect(ids).not.toContain(foreign.file.id);
  });
});

describe('delivering again', () => {
  it('is idempotent: ten calls at once make one copy', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const { file } = await pipeline.receive(OWNER, sample({ to: [] }));
    await Promise.all(
      Array.from({ length: 10 }, () => pipeline.deliver({ owner: OWNER, fileId: file.id, provider: 'glm' })),
    );
    const found = await pipeline.find(OWNER, file.id, PATIENCE);
    expect(statuses(found)).toEqual(['glm: completed']);
    expect(found.file.status).toBe('processed');
    await pipeline.deliver({ owner: OWNER, fileId: file.id, provider: 'glm' });
    expect(await pipeline.find(OWNER, file.id)).toEqual(found);
    expect((await world.glm.state()).requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  it('tries a failed copy again, once for ten calls, and the file is no error any more', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    await world.kimi.fault('status', { on: 'upload', status: 400 });
    const { file } = await pipeline.receive(OWNER, sample({ to: ['kimi'] }));
    expect((await pipeline.find(OWNER, file.id, PATIENCE)).file.status).toBe('error');
    await Promise.all(
      Array.from({ length: 10 }, () => pipeline.deliver({ owner: OWNER, fileId: file.id, provider: 'kimi' })),
    );
    const found = await pipeline.find(OWNER, file.id, PATIENCE);
    expect(found).toMatchObject({
      file: { status: 'processed', statusDetails: null },
      deliveries: [{ status: 'completed', attempts: 2 }],
    });
    expect((await world.kimi.state()).files).toHaveLength(1);
  });

  it('for another purpose makes another copy', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const { file } = await pipeline.receive(
      OWNER,
      sample({ filename: 'a.png', mediaType: 'image/png', bytes: png(), to: ['kimi'] }),
    );
    await pipeline.deliver({ owner: OWNER, fileId: file.id, provider: 'kimi', purpose: 'vision' });
    const { deliveries } = await pipeline.find(OWNER, file.id, PATIENCE);
    expect(deliveries.map(({ purpose, status }) => `${purpose}: ${status}`).sort()).toEqual([
      'file-extract: completed',
      'image: completed',
    ]);
  });

  it.each<[string, string, ProviderId, string]>([
    ["another owner's file", 'user-2', 'kimi', 'not_found'],
    ['a file the provider does not take', OWNER, 'glm', 'no_provider_accepts'],
  ])('refuses %s', async (_name, owner, provider, code) => {
    const world = await newWorld();
    const pipeline = await world.start();
    const { file } = await pipeline.receive(OWNER, sample({ filename: 'a.md', to: [] }));
    expect(await codeOf(pipeline.deliver({ owner, fileId: file.id, provider }))).toBe(code);
    expect((await pipeline.find(OWNER, file.id)).deliveries).toEqual([]);
  });
});

describe('a file', () => {
  it('of another owner is not there, whatever is asked of it', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const { file } = await pipeline.receive(OWNER, sample({ to: ['kimi'] }));
    await pipeline.find(OWNER, file.id, PATIENCE);
    const asked = [
      pipeline.find('user-2', file.id),
      pipeline.find('user-2', file.id, PATIENCE),
      pipeline.delete('user-2', file.id),
      pipeline.providerContent({ owner: 'user-2', fileId: file.id, from: 'kimi' }),
    ];
    expect(await Promise.all(asked.map(codeOf))).toEqual(Array(4).fill('not_found'));
    expect((await pipeline.list('user-2', { limit: 10, order: 'asc' })).files).toEqual([]);
    expect(statuses(await pipeline.find(OWNER, file.id))).toEqual(['kimi: completed']);
  });

  it('is read from the provider that holds it', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const { file } = await pipeline.receive(
      OWNER,
      sample({ bytes: Buffer.from('Words to read.'), to: ['kimi'] }),
    );
    await pipeline.find(OWNER, file.id, PATIENCE);
    const content = await pipeline.providerContent({ owner: OWNER, fileId: file.id, from: 'kimi' });
    expect(await text(content.body)).toContain('Words to read.');
    expect(await codeOf(pipeline.providerContent({ owner: OWNER, fileId: file.id, from: 'glm' }))).toBe(
      'content_unavailable',
    );
  });

  it('is waited for no longer than asked', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    await world.kimi.fault('stall');
    const { file } = await pipeline.receive(OWNER, sample({ to: ['kimi'] }));
    await world.kimi.stateWhen(({ requests }) => requests.length === 1);
    await until('the delivery under way', async () =>
      statuses(await pipeline.find(OWNER, file.id)).includes('kimi: uploading'),
    );
    expect(statuses(await pipeline.find(OWNER, file.id, { waitMs: 100 }))).toEqual(['kimi: uploading']);
  });
});
