import fc from 'fast-check';
import { type Kysely, sql } from 'kysely';
import { afterEach, expect, it } from 'vitest';
import { reconcile } from '../../src/pipeline/reconcile.ts';
import type { Tables } from '../../src/platform/tables.ts';
import { randomText } from '../support/random-text.ts';
import { until } from '../support/until.ts';
import {
  deliverSample,
  type ExactWorld,
  type Ledger,
  openExactWorld,
  PATIENCE,
  type Played,
  played,
  type Running,
} from './support/exact-world.ts';
import { JOBS_SCHEMA, SCHEMA, useTestDatabases } from './support/test-databases.ts';

const databases = useTestDatabases({ queues: true });
const SEED = 20_261_123;
const RUNS = 15;
const OWNERS = ['user-1', 'user-2'];
const PURPOSES = { kimi: 'file-extract', glm: 'agent' } as const;
let world: ExactWorld | undefined;
afterEach(() => world?.close());

/** A file that was delivered, and what has befallen its record and its copy since. */
interface Fate {
  readonly at: Played;
  readonly owner: number;
  readonly bytes: number;
  readonly record: 'kept' | 'failed' | 'pending' | 'evicted' | 'expired' | 'deleted';
  readonly isLost: boolean;
  /** More files under its mark. */
  readonly strays: readonly ('whole' | 'broken')[];
}

const fate: fc.Arbitrary<Fate> = fc.record({
  at: fc.constantFrom(...played),
  owner: fc.nat({ max: 1 }),
  bytes: fc.nat({ max: 3 }),
  record: fc.constantFrom('kept', 'kept', 'failed', 'pending', 'evicted', 'expired', 'deleted'),
  isLost: fc.boolean(),
  strays: fc.array(fc.constantFrom('whole', 'broken'), { maxLength: 2 }),
});

/** Sent again, while what is broken must not wait for that. */
const lostBesideBroken: Fate = {
  at: 'glm',
  owner: 0,
  bytes: 0,
  record: 'kept',
  isLost: true,
  strays: ['broken', 'whole', 'broken'],
};

it(`I3 I4 After one repair record and providers agree, and what is foreign is as it was (seed ${SEED})`, async () => {
  const url = await databases.migrated();
  const opened = await openExactWorld(url, SCHEMA, JOBS_SCHEMA);
  world = opened;
  const running = await opened.start();
  const database = databases.open(url);
  const foreign = await seedForeign(opened);
  const run = async (fates: readonly Fate[]): Promise<void> => {
    const contents = [1_000, 2_000, 3_000, 4_000].map((sizeBytes) => randomText(sizeBytes));
    for (const each of fates)
      await befall(opened, running, database, each, contents[each.bytes] ?? Buffer.alloc(1));
    await makeOld(database);
    const { accounts } = await repair(running);
    for (const { state, foreign: count } of accounts)
      expect({ state, count }).toEqual({ state: 'ok', count: 2 });
    await until('what was lost is back', async () => (await underWay(database)) === 0);
    await expectAgreement(opened, foreign);
    await makeOld(database);
    const before = await stateOf(opened, database);
    for (const { ghosts, orphans } of (await repair(running)).accounts) {
      expect(ghosts).toEqual({ redelivered: 0, marked: 0, left: 0 });
      expect(orphans).toEqual({ adopted: 0, removed: 0, left: 0 });
    }
    expect(await stateOf(opened, database)).toEqual(before);
    await startOver(opened, database, foreign);
  };
  await fc.assert(fc.asyncProperty(fc.array(fate, { minLength: 1, maxLength: 8 }), run), {
    seed: SEED,
    numRuns: RUNS,
    endOnFailure: true,
    examples: [[[lostBesideBroken]]],
  });
}, 120_000);

const repair = (running: Running) =>
  reconcile(running.dependencies, { mode: 'repair', signal: new AbortController().signal });

const seed = async (opened: ExactWorld, at: Played, filename: string, text: string): Promise<string> => {
  const body = { filename, text, purpose: PURPOSES[at], createdAt: 1_600_000_000 };
  return (await opened.emulators[at].control('POST', '/files', body)).json<{ id: string }>().id;
};

type Foreign = Readonly<Record<Played, readonly string[]>>;

const seedForeign = async (opened: ExactWorld): Promise<Foreign> => {
  const at = async (id: Played) => [
    await seed(opened, id, 'theirs.txt', 'Somebody else has put this there.'),
    await seed(opened, id, 'theirs.wb-0123456789ab.txt', 'And this.'),
  ];
  return { kimi: await at('kimi'), glm: await at('glm') };
};

const befall = async (
  opened: ExactWorld,
  running: Running,
  database: Kysely<Tables>,
  { at, owner: nth, record, isLost, strays }: Fate,
  bytes: Buffer,
): Promise<void> => {
  const owner = OWNERS[nth] ?? '';
  const { file } = await deliverSample(running, { to: [at], bytes }, owner);
  const [row] = await opened.ledger([file.id]);
  if (row === undefined) throw new Error('The file was not delivered.');
  await changeRecord(running, database, row, { record, owner });
  if (isLost && row.remoteId !== null) await opened.emulators[at].control('DELETE', `/files/${row.remoteId}`);
  for (const stray of strays) {
    // A delivery that is still to be tried removes broken bytes by itself.
    if (stray === 'broken' && record === 'pending') continue;
    await seed(opened, at, `notes.${row.mark}.txt`, stray === 'whole' ? bytes.toString() : 'Half of it.');
  }
};

const changeRecord = async (
  running: Running,
  database: Kysely<Tables>,
  { fileId, remoteId }: Ledger,
  { record, owner }: { record: Fate['record']; owner: string },
): Promise<void> => {
  if (record === 'kept') return;
  if (record === 'deleted') {
    await running.delete(owner, fileId);
    expect(await running.awaitRemoval(fileId, PATIENCE)).toBe(true);
    return;
  }
  // One that is served has no copy that it could lose; nobody is served by one that has just come.
  if (remoteId === null) return;
  const changes =
    record === 'expired'
      ? { expires_at: new Date(Date.now() - 1_000) }
      : { status: record, provider_file_id: null, due_at: new Date(Date.now() + 3_600_000) };
  await database.updateTable('provider_file_uploads').set(changes).where('file_id', '=', fileId).execute();
};

const makeOld = (database: Kysely<Tables>) =>
  database
    .updateTable('provider_file_uploads')
    .set({ updated_at: sql<Date>`now() - interval '1 hour'` })
    .execute();

/** How many deliveries are in line for now, or being carried out or removed. */
const underWay = async (database: Kysely<Tables>): Promise<number> => {
  const rows = await database
    .selectFrom('provider_file_uploads')
    .select('id')
    .where(({ or, and, eb }) =>
      or([
        eb('status', 'in', ['uploading', 'processing', 'deleting']),
        and([
          eb('status', '=', 'pending'),
          sql<boolean>`coalesce(due_at, now()) < now() + interval '10 minutes'`,
        ]),
      ]),
    )
    .execute();
  return rows.length;
};

const expectAgreement = async (opened: ExactWorld, foreign: Foreign): Promise<void> => {
  const rows = await opened.ledger();
  for (const id of played) {
    const { files, deleted } = await opened.emulators[id].state();
    const tracked = rows.flatMap(({ provider, remoteId }) => (provider === id ? (remoteId ?? []) : []));
    expect(files.map((file) => file.id).toSorted()).toEqual([...tracked, ...foreign[id]].toSorted());
    expect(deleted.filter((each) => foreign[id].includes(each))).toEqual([]);
  }
};

const stateOf = async (opened: ExactWorld, database: Kysely<Tables>) => ({
  rows: await database.selectFrom('provider_file_uploads').selectAll().orderBy('id').execute(),
  kimi: (await opened.emulators.kimi.state()).files,
  glm: (await opened.emulators.glm.state()).files,
});

/** What one run left does not meet the next. */
const startOver = async (opened: ExactWorld, database: Kysely<Tables>, foreign: Foreign): Promise<void> => {
  await database
    .updateTable('provider_file_uploads')
    .set({ status: 'deleted', provider_file_id: null, shares: null })
    .execute();
  await database
    .updateTable('files')
    .set({ deleted_at: sql`now()` })
    .where('deleted_at', 'is', null)
    .execute();
  for (const id of played) {
    for (const file of (await opened.emulators[id].state()).files)
      if (!foreign[id].includes(file.id)) await opened.emulators[id].control('DELETE', `/files/${file.id}`);
  }
};
