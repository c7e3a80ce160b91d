import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { type Kysely, sql } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Delivery, DeliveryStatus, TrackedFile } from '../../src/core/file.ts';
import type { Tables } from '../../src/platform/tables.ts';
import { useByAccount } from '../../src/tracking/accounts.ts';
import type { NewDelivery } from '../../src/tracking/deliveries.ts';
import {
  type FileQuery,
  findFile,
  getFile,
  listFiles,
  lockFile,
  markFileDeleted,
  type NewFile,
  setFileStatuses,
  trackedBlobs,
} from '../../src/tracking/files.ts';
import { claimIdempotencyKey } from '../../src/tracking/idempotency-keys.ts';
import { recordDelivery, recordDeliveryThatIs, recordFile } from './support/record-samples.ts';
import { useTestDatabases } from './support/test-databases.ts';

const databases = useTestDatabases({ queues: false });

let database: Kysely<Tables>;

beforeEach(async () => {
  database = databases.open(await databases.migrated());
});

const aFile = (overrides: Partial<NewFile> = {}): Promise<TrackedFile> => recordFile(database, overrides);
const delivery = (fileId: string, overrides: Partial<NewDelivery> = {}): Promise<Delivery> =>
  recordDelivery(database, fileId, overrides);
const aDeliveryThatIs = (status: DeliveryStatus, remoteId: string | null = null): Promise<Delivery> =>
  recordDeliveryThatIs(database, status, { remoteId });

describe('a file', () => {
  it('is found by its owner, with its live deliveries, oldest first', async () => {
    const file = await aFile();
    const first = await delivery(file.id, { provider: 'kimi' });
    const gone = await delivery(file.id, { provider: 'glm' });
    await database
      .updateTable('provider_file_uploads')
      .set({ status: 'deleted' })
      .where('id', '=', gone.id)
      .execute();
    const second = await delivery(file.id, { provider: 'glm' });
    expect(await findFile(database, 'user-1', file.id)).toEqual({ file, deliveries: [first, second] });
  });

  it.each(['user-2', '', 'USER-1', 'user-1 ', '%'])('looks like none to %j', async (owner) => {
    const { id } = await aFile();
    expect(await findFile(database, owner, id)).toBeNull();
    expect((await listFiles(database, owner, { limit: 10, order: 'asc' })).files).toEqual([]);
  });

  it('changes its status, with what there is to say of it', async () => {
    const { id } = await aFile();
    await setFileStatuses(database, [{ id, status: 'error', statusDetails: 'kimi: No.' }]);
    expect(await getFile(database, id)).toMatchObject({ status: 'error', statusDetails: 'kimi: No.' });
  });

  it('is locked for one transaction at a time', async () => {
    const { id } = await aFile();
    const order: string[] = [];
    const entered = Promise.withResolvers<void>();
    const first = database.transaction().execute(async (trx) => {
      await lockFile(trx, id);
      entered.resolve();
      await sql`select pg_sleep(0.05)`.execute(trx);
      order.push('first');
    });
    await entered.promise;
    await database.transaction().execute(async (trx) => {
      await lockFile(trx, id);
      order.push('second');
    });
    await first;
    expect(order).toEqual(['first', 'second']);
  });

  it('keeps the blobs apart that a record names from those that none does', async () => {
    const { blobKey } = await aFile();
    expect(await trackedBlobs(database, [blobKey, 'f'.repeat(32)])).toEqual(new Set([blobKey]));
    expect(await trackedBlobs(database, [])).toEqual(new Set());
  });

  it('makes a tombstone once, for the owner, and shows it to nobody', async () => {
    const { id, blobKey } = await aFile();
    expect(await markFileDeleted(database, 'user-2', id)).toBe(false);
    const deletions = await Promise.all([1, 2, 3].map(() => markFileDeleted(database, 'user-1', id)));
    expect(deletions.filter(Boolean)).toHaveLength(1);
    expect(await findFile(database, 'user-1', id)).toBeNull();
    expect((await listFiles(database, 'user-1', { limit: 10, order: 'asc' })).files).toEqual([]);
    expect((await getFile(database, id)).deletedAt).toBeInstanceOf(Date);
    expect(await trackedBlobs(database, [blobKey])).toEqual(new Set([blobKey]));
  });
});

describe('a list', () => {
  const list = (query: Partial<FileQuery> = {}) =>
    listFiles(database, 'user-1', { limit: 100, order: 'asc', ...query });
  const namesOf = async (query: Partial<FileQuery>): Promise<string[]> =>
    (await list(query)).files.map(({ file }) => file.filename).sort();
  /** Every page, one after the other. */
  const pages = async (query: Pick<FileQuery, 'limit' | 'order'>): Promise<string[]> => {
    const ids: string[] = [];
    for (;;) {
      const { files, hasMore } = await list({ ...query, after: ids.at(-1) });
      ids.push(...files.map(({ file }) => file.id));
      expect(files.length <= query.limit && (!hasMore || files.length === query.limit)).toBe(true);
      if (!hasMore) return ids;
    }
  };

  it('comes page by page without gap or repeat, also where many were made in the same millisecond', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 23; i += 1) ids.push((await aFile()).id);
    await database
      .updateTable('files')
      .set({ created_at: sql`'2030-01-01T00:00:00Z'::timestamptz` as never })
      .where('id', 'in', ids.slice(0, 15))
      .execute();
    for (const limit of [1, 5, 22, 23, 24]) {
      const [ascending, descending] = [
        await pages({ limit, order: 'asc' }),
        await pages({ limit, order: 'desc' }),
      ];
      expect([...ascending].sort()).toEqual([...ids].sort());
      expect(descending).toEqual(ascending.toReversed());
    }
  });

  it('goes on behind a file that was deleted meanwhile', async () => {
    const [first, second, third] = [await aFile(), await aFile(), await aFile()];
    const order = await pages({ limit: 10, order: 'asc' });
    expect([...order].sort()).toEqual([first.id, second.id, third.id].sort());
    await markFileDeleted(database, 'user-1', String(order[1]));
    expect((await list({ after: order[1] })).files.map(({ file }) => file.id)).toEqual([order[2]]);
  });

  it("is empty behind a file that is unknown or another owner's", async () => {
    await aFile();
    const { id } = await aFile({ owner: 'user-2' });
    await aFile();
    expect((await list({ after: id })).files).toEqual([]);
    expect((await list({ after: 'file-none' })).files).toEqual([]);
  });

  it('holds what fits every filter', async () => {
    const a = await aFile({ filename: 'a', purpose: 'vision', status: 'error' });
    const b = await aFile({ filename: 'b', purpose: 'vision', status: 'processed' });
    await aFile({ filename: 'c', purpose: 'batch', status: 'processed' });
    await delivery(a.id, { provider: 'kimi' });
    await delivery(b.id, { provider: 'glm' });
    const gone = await delivery(b.id, { provider: 'kimi' });
    await database
      .updateTable('provider_file_uploads')
      .set({ status: 'deleted' })
      .where('id', '=', gone.id)
      .execute();
    expect(await namesOf({})).toEqual(['a', 'b', 'c']);
    expect(await namesOf({ purpose: 'vision' })).toEqual(['a', 'b']);
    expect(await namesOf({ status: 'processed' })).toEqual(['b', 'c']);
    expect(await namesOf({ purpose: 'vision', status: 'processed' })).toEqual(['b']);
    expect(await namesOf({ provider: 'kimi' })).toEqual(['a']);
    expect(await namesOf({ provider: 'glm', purpose: 'vision' })).toEqual(['b']);
    expect(await namesOf({ provider: 'glm', q: 'A' })).toEqual([]);
  });

  it('gives each file its own deliveries', async () => {
    const [one, two] = [await aFile({ filename: 'one' }), await aFile({ filename: 'two' })];
    const [ofOne, ofTwo] = [await delivery(one.id), await delivery(two.id)];
    const found = new Map((await list()).files.map(({ file, deliveries }) => [file.filename, deliveries]));
    expect(found).toEqual(
      new Map([
        ['one', [ofOne]],
        ['two', [ofTwo]],
      ]),
    );
  });

  it.each([
    ['%', ['100% done.txt']],
    ['_', ['under_score.txt']],
    ['\\', ['back\\slash.txt']],
    ['REPORT', ['Report.pdf']],
    ['ü', ['Übung.txt']],
    ['.txt', ['100% done.txt', 'back\\slash.txt', 'under_score.txt', 'Übung.txt']],
    ["'", []],
    ['.*', []],
  ])('takes %j for the text that it is', async (q, expected) => {
    for (const filename of ['100% done.txt', 'under_score.txt', 'back\\slash.txt', 'Report.pdf', 'Übung.txt'])
      await aFile({ filename });
    expect(await namesOf({ q })).toEqual([...expected].sort());
  });

  it('finds a file by any part of its name', async () => {
    const parts = fc.string({
      unit: fc.constantFrom('a', 'B', '%', '_', '\\', "'", '"', '?', ' ', 'é', '🧾'),
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(parts, parts, parts, async (before, part, after) => {
        const owner = `owner-${randomUUID()}`;
        const file = await aFile({ owner, filename: `${before}${part}${after}` });
        await aFile({ owner, filename: 'zzz' });
        const { files } = await listFiles(database, owner, { limit: 10, order: 'asc', q: part });
        expect(files.map(({ file: { id } }) => id)).toEqual([file.id]);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the use of an account', () => {
  it('counts the copies that are there, by provider and account', async () => {
    const statuses = [
      'processing',
      'completed',
      'deleting',
      'failed',
      'evicted',
      'deleted',
      'pending',
    ] as const;
    for (const status of statuses) await aDeliveryThatIs(status, `remote-${status}`);
    await aDeliveryThatIs('completed');
    const use = await useByAccount(database);
    expect(use).toMatchObject([{ provider: 'kimi', account: 'account-1', files: 3, bytes: 3_000 }]);
    expect(use[0]?.lastCompletedAt).toBeInstanceOf(Date);
  });

  it('is nothing when there is none', async () => {
    await delivery((await aFile()).id);
    expect(await useByAccount(database)).toEqual([]);
  });
});

describe('an idempotency key', () => {
  it('has one winner of many requests at once, and the others learn who', async () => {
    const files = await Promise.all(Array.from({ length: 10 }, () => aFile()));
    const claims = await Promise.all(
      files.map(({ id }) =>
        database
          .transaction()
          .execute((trx) => claimIdempotencyKey(trx, { owner: 'user-1', key: 'k', fileId: id })),
      ),
    );
    expect(new Set(claims).size).toBe(1);
    expect(files.map(({ id }) => id)).toContain(claims[0]);
  });

  it("is each owner's own, and free again after a day", async () => {
    const [one, two] = [await aFile(), await aFile()];
    const claim = (owner: string, fileId: string) =>
      claimIdempotencyKey(database, { owner, key: 'k', fileId });
    expect(await claim('user-1', one.id)).toBe(one.id);
    expect(await claim('user-2', two.id)).toBe(two.id);
    expect(await claim('user-1', two.id)).toBe(one.id);
    await database
      .updateTable('idempotency_keys')
      .set({ created_at: sql`now() - interval '25 hours'` as never })
      .execute();
    expect(await claim('user-1', two.id)).toBe(two.id);
    expect(await claim('user-1', one.id)).toBe(two.id);
  });

  it('of a request that was undone is free', async () => {
    const [one, two] = [await aFile(), await aFile()];
    const undone = database.transaction().execute(async (trx) => {
      await claimIdempotencyKey(trx, { owner: 'user-1', key: 'k', fileId: one.id });
      throw new Error('Undone.');
    });
    await expect(undone).rejects.toThrow('Undone.');
    expect(await claimIdempotencyKey(database, { owner: 'user-1', key: 'k', fileId: two.id })).toBe(two.id);
  });
});
