import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, expect, it } from 'vitest';
import type { AccountReport } from '../../src/core/reconcile-report.ts';
import { reconcile } from '../../src/pipeline/reconcile.ts';
import { type ExactWorld, openExactWorld } from './support/exact-world.ts';
import { JOBS_SCHEMA, SCHEMA, useTestDatabases } from './support/test-databases.ts';

const databases = useTestDatabases({ queues: true });
const COPIES = 5_000;
const [LOST, STRAY, FOREIGN] = [20, 15, 5];
const TEXT = 'Some words.';
let world: ExactWorld | undefined;
afterAll(() => world?.close());

interface Row {
  readonly id: string;
  readonly remoteId: string;
}

it(`compares ${COPIES} copies with as many files, page by page, and settles what differs`, async () => {
  const url = await databases.migrated();
  const opened = await openExactWorld(url, SCHEMA, JOBS_SCHEMA);
  world = opened;
  const { glm } = opened.emulators;
  await glm.control('PUT', '/variants', { retrieve: 'present' });
  const { dependencies } = await opened.start();
  const { database } = dependencies;
  const seed = async (filename: string): Promise<string> => {
    const body = { filename, text: TEXT, purpose: 'agent', createdAt: 1_600_000_000 };
    return (await glm.control('POST', '/files', body)).json<{ id: string }>().id;
  };
  const rows = await inParallel(COPIES, async (nth): Promise<Row> => {
    const id = randomUUID();
    return { id, remoteId: nth < LOST ? `gone-${nth}` : await seed(nameOf(id)) };
  });
  await insert(database, rows);
  const foreign = await inParallel(FOREIGN, () => seed('Elsewhere.wb-0123456789ab.txt'));
  const stray = await inParallel(STRAY, (nth) => seed(nameOf(rows[COPIES - 1 - nth]?.id ?? '')));
  const idsThere = async () => new Set((await glm.state()).files.map((file) => file.id));
  const pass = async (): Promise<AccountReport | undefined> => {
    const report = await reconcile(dependencies, { mode: 'repair', signal: new AbortController().signal });
    return report.accounts.find(({ provider }) => provider === 'glm');
  };

  // Of the newest, and so of the first page of the list and of each that follows.
  await glm.fault('omit-newest', { count: COPIES / 4, times: 1_000 });
  expect(await pass()).toMatchObject({ state: 'suspicious', ghosts: { redelivered: 0, marked: 0 } });
  expect((await idsThere()).size).toBe(COPIES - LOST + STRAY + FOREIGN);
  await glm.control('DELETE', '/faults');

  expect(await pass()).toMatchObject({
    state: 'ok',
    listed: COPIES - LOST + STRAY + FOREIGN,
    tracked: COPIES,
    matched: COPIES - LOST,
    foreign: FOREIGN,
    ghosts: { redelivered: 0, marked: LOST, left: 0 },
    orphans: { adopted: 0, removed: STRAY, left: 0 },
  });
  const there = await idsThere();
  expect(there.size).toBe(COPIES - LOST + FOREIGN);
  expect([...foreign.filter((id) => !there.has(id)), ...stray.filter((id) => there.has(id))]).toEqual([]);
  expect(await pass()).toMatchObject({
    tracked: COPIES - LOST,
    matched: COPIES - LOST,
    ghosts: { redelivered: 0, marked: 0, left: 0 },
    orphans: { adopted: 0, removed: 0, left: 0 },
  });
}, 60_000);

const nameOf = (deliveryId: string): string => `notes.wb-${deliveryId.slice(-12)}.txt`;

const inParallel = async <T>(count: number, work: (nth: number) => Promise<T>): Promise<readonly T[]> => {
  const done: T[] = [];
  let next = 0;
  const run = async (): Promise<void> => {
    while (next < count) {
      const nth = next;
      next += 1;
      done[nth] = await work(nth);
    }
  };
  await Promise.all(Array.from({ length: 32 }, run));
  return done;
};

/** Copies that have long been complete, of files whose own time is over, so that none is sent again. */
const insert = async (
  database: Parameters<typeof reconcile>[0]['database'],
  rows: readonly Row[],
): Promise<void> => {
  const ids = rows.map(({ id }) => id);
  await sql`
    insert into waybill.reservations (id, owner, bytes)
    select 'file-' || id, 'user-1', ${TEXT.length} from unnest(${ids}::text[]) id`.execute(database);
  await sql`
    insert into waybill.files (id, owner, filename, media_type, bytes, sha256, purpose, status, blob_key, expires_at)
    select 'file-' || id, 'user-1', 'notes.txt', 'text/plain', ${TEXT.length}, repeat('0', 64), 'user_data', 'processed',
      id, now() - interval '1 minute'
    from unnest(${ids}::text[]) id`.execute(database);
  await sql`
    insert into waybill.provider_file_uploads
      (id, file_id, provider, account, provider_file_id, purpose, status, reason, attempts, updated_at)
    select id::uuid, 'file-' || id, 'glm', 'account-1', remote_id, 'agent', 'completed', 'Named.', 1, now() - interval '1 hour'
    from unnest(${ids}::text[], ${rows.map(({ remoteId }) => remoteId)}::text[]) as given (id, remote_id)`.execute(
    database,
  );
};
