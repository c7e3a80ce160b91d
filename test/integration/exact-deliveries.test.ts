import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { FileWithDeliveries } from '../../src/core/file.ts';
import { randomText } from '../support/random-text.ts';
import { until } from '../support/until.ts';
import {
  deliverSample,
  type ExactWorld,
  type Ledger,
  markedFiles,
  meetFault,
  openExactWorld,
  PATIENCE,
  type Played,
  played,
  type Running,
  sample,
  tidyNow,
} from './support/exact-world.ts';
import { JOBS_SCHEMA, SCHEMA, useTestDatabases } from './support/test-databases.ts';
import { uploadFaults } from './support/upload-faults.ts';

const databases = useTestDatabases({ queues: true });
const OWNER = 'user-1';
let url = '';
let world: ExactWorld;
let running: Running;
let foreign: Readonly<Record<Played, readonly string[]>>;

beforeAll(async () => {
  url = await databases.migrated();
  world = await openExactWorld(url, SCHEMA, JOBS_SCHEMA);
  running = await world.start();
  // The oldest at each provider: what an answer with another file's id names.
  await deliverSample(running, { to: played, filename: 'bystander.txt' });
  foreign = { kimi: await seedForeign('kimi'), glm: await seedForeign('glm') };
});
afterEach(async () => {
  for (const id of played) await clearFaults(id);
});
afterAll(() => world?.close());

const PURPOSES = { kimi: 'file-extract', glm: 'agent' } as const;
const FOREIGN_TEXT = 'Words that somebody else has put there.';

const seed = async (id: Played, filename: string, words = FOREIGN_TEXT): Promise<string> => {
  const body = { filename, text: words, purpose: PURPOSES[id], createdAt: Math.floor(Date.now() / 1_000) };
  const reply = await world.emulators[id].control('POST', '/files', body);
  return reply.json<{ id: string }>().id;
};

/** Files of somebody else's that look like ours. */
const seedForeign = (id: Played): Promise<string[]> =>
  Promise.all(
    ['notes.txt', 'notes.wb-0123456789ab.txt', 'NOTES.WB-0123456789AB.TXT', 'wb-.txt'].map((name) =>
      seed(id, name),
    ),
  );

const expectForeignIntact = async (): Promise<void> => {
  for (const id of played) {
    const ids = (await world.emulators[id].state()).files.map((file) => file.id);
    expect(ids).toEqual(expect.arrayContaining([...foreign[id]]));
  }
};

const clearFaults = (id: Played) => world.emulators[id].control('DELETE', '/faults');

const only = async (fileId: string): Promise<Ledger> => {
  const [row, ...more] = await world.ledger([fileId]);
  if (row === undefined || more.length > 0) throw new Error('The file has not one delivery.');
  return row;
};

const expectExact = (row: Ledger): void => {
  const { provider, status, remoteId, doubt, there, sha256 } = row;
  expect({ provider, status, doubt }).toEqual({ provider, status: 'completed', doubt: 'none' });
  expect(there.map((file) => ({ id: file.id, sha256: file.sha256 }))).toEqual([{ id: remoteId, sha256 }]);
};

/** Uploads that arrived from then on; the emulator keeps its last 1,000 requests. */
const posts = async (id: Played, since: number) =>
  (await world.emulators[id].state()).requests.filter(
    ({ method, at }) => method === 'POST' && Date.parse(at) >= since,
  );

describe('An upload that meets', () => {
  it.each(uploadFaults)('$title ends $ends and leaves nothing in doubt', async (scenario) => {
    const { ends, sizeBytes = 0 } = scenario;
    const uploads = sizeBytes > 100_000 ? 1 : 3;
    const files = await meetFault(world, running, scenario, uploads);
    const rows = await world.ledger(files.map(({ file }) => file.id));
    expect(rows).toHaveLength(2 * uploads);
    for (const row of rows) {
      if (ends === 'completed') expectExact(row);
      else {
        const { status, remoteId, there, doubt, errorCode } = row;
        expect({ status, remoteId, there, doubt }).toEqual({
          status: 'failed',
          remoteId: null,
          there: [],
          doubt: 'none',
        });
        expect(errorCode).toMatch(/^provider_/u);
      }
    }
    for (const id of played) expect((await world.emulators[id].state()).faults).toEqual([]);
    await expectForeignIntact();
  });

  it('any of them leaves no more of ours at the providers than the rows name', async () => {
    const rows = await world.ledger();
    for (const id of played) {
      const named = rows
        .filter((row) => row.provider === id && row.remoteId !== null)
        .map(({ remoteId }) => remoteId);
      const marked = (await markedFiles(world, id))
        .map((file) => file.id)
        .filter((each) => !foreign[id].includes(each));
      expect(marked.toSorted()).toEqual(named.toSorted());
    }
  });
});

describe('A conflict or a time-out at the provider', () => {
  it.each([408, 409])('that comes twice, %i, is reported and not met a third time', async (status) => {
    const since = Date.now();
    await world.emulators.kimi.fault('status', { on: 'upload', status, times: 5 });
    const { file } = await deliverSample(running, { to: ['kimi'] });
    const row = await only(file.id);
    expect(row).toMatchObject({ status: 'failed', errorCode: 'provider_unavailable', there: [] });
    expect(await posts('kimi', since)).toHaveLength(2);
  });
});

describe('An answer that names a file of somebody else', () => {
  it.each(played)('at %s does not let it be removed, nor what was sent be left behind', async (id) => {
    await world.emulators[id].fault('dup-id', { id: foreign[id][0] ?? '', on: 'upload' });
    const { file } = await deliverSample(running, { to: [id] });
    const { mark } = await only(file.id);
    await running.delete(OWNER, file.id);
    expect(await running.awaitRemoval(file.id, PATIENCE)).toBe(true);
    await expectForeignIntact();
    const names = (await world.emulators[id].state()).files.map(({ filename }) => filename);
    expect(names.filter((name) => name.includes(mark))).toEqual([]);
  });
});

describe('A master copy', () => {
  it('that is damaged on disk never arrives', async () => {
    const bytes = randomText(3_000_000);
    const { file } = await running.receive(OWNER, sample({ to: [], bytes }));
    const path = join(world.blobs, 'kept', file.blobKey.slice(-2), file.blobKey);
    const handle = await open(path, 'r+');
    await handle.write(Buffer.from([(bytes[1_500_000] ?? 0) ^ 1]), 0, 1, 1_500_000);
    await handle.close();
    await running.deliver({ owner: OWNER, fileId: file.id, provider: 'kimi' });
    await running.find(OWNER, file.id, PATIENCE);
    const row = await only(file.id);
    expect(row).toMatchObject({ status: 'failed', remoteId: null, there: [] });
    expect(row.errorMessage).toContain('damaged');
    const names = (await world.emulators.kimi.state()).files.map(({ filename }) => filename);
    expect(names.filter((name) => name.includes(row.mark))).toEqual([]);
  });
});

describe('A wait that a provider asks for', () => {
  it.each([
    ['seconds', () => ({ retryAfter: '1', dueMs: 1_000 })],
    [
      'a date',
      () => {
        const due = new Date(Math.ceil((Date.now() + 1_000) / 1_000) * 1_000);
        return { retryAfter: due.toUTCString(), dueMs: due.getTime() - Date.now() };
      },
    ],
  ])('in %s is kept by this delivery and all others of the account', async (_, ask) => {
    const { retryAfter, dueMs } = ask();
    const since = Date.now();
    await world.emulators.kimi.fault('status', { on: 'upload', status: 429, retryAfter });
    const first = await running.receive(OWNER, sample({ to: ['kimi'] }));
    await until('the refusal', async () => (await only(first.file.id)).errorCode === 'provider_unavailable');
    const second = await deliverSample(running, { to: ['kimi'] });
    await running.find(OWNER, first.file.id, PATIENCE);
    expectExact(await only(first.file.id));
    expectExact(await only(second.file.id));
    const [refused, ...later] = await posts('kimi', since);
    expect(refused?.status).toBe(429);
    expect(later).toHaveLength(2);
    for (const { at } of later) {
      // Its log has whole milliseconds.
      expect(Date.parse(at) - Date.parse(refused?.at ?? '')).toBeGreaterThanOrEqual(dueMs - 50);
    }
  });

  it('of an hour is waited in the queue, not in memory', async () => {
    const own = await openExactWorld(await databases.migrated(), SCHEMA, JOBS_SCHEMA);
    try {
      const pipeline = await own.start();
      await own.emulators.glm.fault('status', { on: 'upload', status: 429, retryAfter: '3600' });
      const { file } = await pipeline.receive(OWNER, sample({ to: ['glm'] }));
      await until('the refusal', async () => (await own.ledger([file.id]))[0]?.errorCode);
      const rows = await pipeline.dependencies.database
        .selectFrom('provider_file_uploads')
        .select(['status', 'attempts'])
        .execute();
      expect(rows).toEqual([{ status: 'pending', attempts: 1 }]);
      expect(await own.ledger([file.id])).toMatchObject([{ there: [] }]);
      expect(pipeline.dependencies.guards.of(own.provider('glm')).waitMs()).toBeGreaterThan(3_500_000);
    } finally {
      await own.close();
    }
  });
});

describe('The search after a lost answer', () => {
  const searchFaults = [
    { fault: 'omit-newest' },
    { fault: 'repeat-page' },
    { fault: 'list-fails-half-way' },
    { fault: 'include-deleted' },
    { fault: 'shuffle' },
    { fault: 'empty-body' },
    { fault: 'wrong-bytes' },
    { fault: 'status', status: 400 },
    { fault: 'status', status: 401 },
    { fault: 'stall' },
  ];

  it.each(searchFaults)('finds the copy in spite of $fault $status', async ({ fault, ...parameters }) => {
    for (const id of played) {
      await world.emulators[id].fault('store-then-reset', { times: 2 });
      await world.emulators[id].fault(fault, { on: 'list', ...parameters });
    }
    const files = await Promise.all([1, 2].map(() => deliverSample(running, { to: played })));
    for (const row of await world.ledger(files.map(({ file }) => file.id))) expectExact(row);
    await expectForeignIntact();
  });

  it.each(played)('sends nothing while the list of %s has no end', async (id) => {
    const { emulators } = world;
    const since = Date.now();
    await emulators[id].fault('store-then-reset');
    await emulators[id].fault('endless-pages', { on: 'list' });
    const { file } = await running.receive(OWNER, sample({ to: [id] }));
    await until('several searches', async () => (await only(file.id)).attempts > 3);
    expect(await posts(id, since)).toHaveLength(1);
    expect((await only(file.id)).doubt).toBe('look');
    await clearFaults(id);
    await running.find(OWNER, file.id, PATIENCE);
    expectExact(await only(file.id));
    expect(await posts(id, since)).toHaveLength(1);
  });

  it.each(
    played.flatMap((id) => [
      { id, fault: 'store-then-reset' },
      { id, fault: 'status' },
    ]),
  )('does not adopt a deleted copy that $id still lists after $fault', async ({ id, fault }) => {
    const { file } = await deliverSample(running, { to: [id] });
    const before = await only(file.id);
    await world.emulators[id].control('DELETE', `/files/${before.remoteId}`);
    await expire(file.id);
    await world.emulators[id].fault(fault, { on: 'upload' });
    await world.emulators[id].fault('include-deleted', { on: 'list' });
    await running.deliver({ owner: OWNER, fileId: file.id, provider: id });
    await running.find(OWNER, file.id, PATIENCE);
    const after = await only(file.id);
    expectExact(after);
    expect(after.remoteId).not.toBe(before.remoteId);
  });

  it.each(played)('adopts its own at %s, and no look-alike', async (id) => {
    const words = `Some words, ${randomBytes(8).toString('hex')}.`;
    await world.emulators[id].fault('reset-mid', { afterBytes: 0 });
    await world.emulators[id].fault('store-then-reset');
    await world.emulators[id].fault('status', { on: 'list', status: 503, times: 1_000 });
    const { file } = await running.receive(OWNER, sample({ to: [id], bytes: Buffer.from(words) }));
    const { mark } = await until('the doubt', async () => {
      const row = await only(file.id);
      return row.doubt === 'look' && row.status === 'pending' && row;
    });
    const wrongLast = mark.endsWith('0') ? '1' : '0';
    const lookAlike = await seed(id, `notes.${mark.slice(0, -1)}${wrongLast}.txt`, words);
    const sameName = await seed(id, 'notes.txt', words);
    await clearFaults(id);
    await running.find(OWNER, file.id, PATIENCE);
    const row = await only(file.id);
    expectExact(row);
    await running.delete(OWNER, file.id);
    expect(await running.awaitRemoval(file.id, PATIENCE)).toBe(true);
    const left = (await world.emulators[id].state()).files.map((each) => each.id);
    expect(left).toEqual(expect.arrayContaining([lookAlike, sameName]));
    expect(left).not.toContain(row.remoteId);
  });

  it('gives each of two owners of the same file their own copy', async () => {
    const bytes = randomText(3_000);
    for (const id of played) await world.emulators[id].fault('store-then-reset', { times: 2 });
    const files = await Promise.all(
      ['user-2', 'user-3'].map((owner) =>
        deliverSample(running, { to: played, bytes, filename: 'same.txt' }, owner),
      ),
    );
    const rows = await world.ledger(files.map(({ file }) => file.id));
    for (const row of rows) expectExact(row);
    expect(new Set(rows.map(({ provider, remoteId }) => `${provider} ${remoteId}`)).size).toBe(4);
  });
});

describe('Deleting a file in doubt', () => {
  it.each(['store-then-reset', 'store-then-stall', 'stall', 'no-id'])(
    'removes whatever %s left at the provider',
    async (fault) => {
      for (const id of played) await world.emulators[id].fault(fault, { on: 'upload' });
      const marks: string[] = [];
      const { file } = await running.receive(OWNER, sample({ to: played }));
      for (const { mark } of await world.ledger([file.id])) marks.push(mark);
      await until('the intent', async () =>
        (await world.ledger([file.id])).every(({ doubt, attempts }) => doubt !== 'none' || attempts > 1),
      );
      await running.delete(OWNER, file.id);
      expect(await running.awaitRemoval(file.id, PATIENCE)).toBe(true);
      for (const id of played) {
        await clearFaults(id);
        const names = (await world.emulators[id].state()).files.map(({ filename }) => filename);
        expect(names.filter((name) => marks.some((mark) => name.includes(mark)))).toEqual([]);
      }
      await expectForeignIntact();
    },
  );
});

/** Makes every copy of the file one that its provider has let expire. */
const expire = (fileId: string) =>
  databases.query(
    url,
    `update waybill.provider_file_uploads set expires_at = now() - interval '1 hour' where file_id = $1`,
    [fileId],
  );

const contentOf = async (pipeline: Running, fileId: string): Promise<string> => {
  const { body } = await pipeline.providerContent({ owner: OWNER, fileId, from: 'kimi' });
  return text(body);
};

const remoteIdOf = ({ deliveries }: FileWithDeliveries): string | null | undefined => deliveries[0]?.remoteId;

describe('A copy that is gone', () => {
  it('because the provider lost it comes back on use, under the same Waybill id', async () => {
    const delivered = await deliverSample(running, { bytes: Buffer.from('Words to come back.') });
    const { id } = delivered.file;
    await world.emulators.kimi.control('DELETE', `/files/${remoteIdOf(delivered)}`);
    expect(await contentOf(running, id)).toContain('Words to come back.');
    const row = await only(id);
    expectExact(row);
    expect(row.remoteId).not.toBe(remoteIdOf(delivered));
  });

  it('because it has expired comes back on use, and when it is asked for', async () => {
    const delivered = await deliverSample(running, { to: played, bytes: Buffer.from('Words that last.') });
    const { id } = delivered.file;
    const before = await world.ledger([id]);
    for (const row of before) await world.emulators[row.provider].control('DELETE', `/files/${row.remoteId}`);
    await expire(id);
    expect(await contentOf(running, id)).toContain('Words that last.');
    await running.deliver({ owner: OWNER, fileId: id, provider: 'glm' });
    await running.find(OWNER, id, PATIENCE);
    const after = await world.ledger([id]);
    for (const row of after) expectExact(row);
    expect(after.map(({ remoteId }) => remoteId)).not.toEqual(before.map(({ remoteId }) => remoteId));
  });

  it('that surfaced late is tidied away, and the recorded one is not', async () => {
    await world.emulators.kimi.fault('status', { on: 'upload', status: 429, retryAfter: '0' });
    const { file, deliveries } = await deliverSample(running);
    const { mark, remoteId } = await only(file.id);
    const late = await seed('kimi', `notes.${mark}.txt`);
    await tidyNow(running, deliveries[0]?.id ?? '');
    const { deleted } = await world.emulators.kimi.stateWhen((state) => state.deleted.includes(late));
    expect(deleted).not.toContain(remoteId);
    expectExact(await only(file.id));
  });
});
