import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import type { AccountReport, ReconcileReport } from '../../../src/core/reconcile-report.ts';
import { createGuards } from '../../../src/pipeline/guards.ts';
import { reconcile } from '../../../src/pipeline/reconcile.ts';
import type { Tables } from '../../../src/platform/tables.ts';
import { until } from '../../support/until.ts';
import {
  deliverSample,
  type ExactWorld,
  type Ledger,
  openExactWorld,
  type Played,
  played,
  type Running,
  type Sample,
} from './exact-world.ts';
import { JOBS_SCHEMA, SCHEMA, useTestDatabases } from './test-databases.ts';

/**
 * Kimi and GLM with files of somebody else's, a record, and a pipeline, for the tests of the file that imports this. Each test
 * begins with nothing of ours anywhere, and ends with what is foreign as it was.
 */
const databases = useTestDatabases({ queues: true });
export const OWNER = 'user-1';
const PURPOSES = { kimi: 'file-extract', glm: 'agent' } as const;
export const FOREIGN = ['notes.txt', 'notes.wb-0123456789ab.txt', 'NOTES.WB-0123456789AB.TXT', 'wb-.txt'];
const ANY_OWNER_S = 'Words that somebody else has put there.';
export const signal = new AbortController().signal;

export let world: ExactWorld;
export let running: Running;
let url = '';
export let database: Kysely<Tables>;
export let foreign: Readonly<Record<Played, readonly string[]>>;

beforeAll(async () => {
  url = await databases.migrated();
  world = await openExactWorld(url, SCHEMA, JOBS_SCHEMA);
  running = await world.start();
  foreign = { kimi: await seedForeign('kimi'), glm: await seedForeign('glm') };
});
beforeEach(() => {
  database = databases.open(url);
});
afterEach(async () => {
  for (const id of played) await world.emulators[id].control('DELETE', '/faults');
  await expectForeignIntact();
  // What a test left does not meet the next one.
  await database.updateTable('files').set({ deleted_at: sql`now()` }).execute();
  await database
    .updateTable('provider_file_uploads')
    .set({ status: 'deleted', provider_file_id: null, shares: null, claimed_by: null, claimed_until: null })
    .execute();
  for (const id of played) {
    const { files } = await world.emulators[id].state();
    for (const file of files) if (!foreign[id].includes(file.id)) await vanish(id, file.id);
  }
});
afterAll(() => world?.close());

export const seed = async (id: Played, filename: string, text = ANY_OWNER_S): Promise<string> => {
  const body = { filename, text, purpose: PURPOSES[id], createdAt: 1_600_000_000 };
  const reply = await world.emulators[id].control('POST', '/files', body);
  return reply.json<{ id: string }>().id;
};
const seedForeign = (id: Played): Promise<string[]> => Promise.all(FOREIGN.map((name) => seed(id, name)));
export const vanish = (id: Played, remoteId: string) =>
  world.emulators[id].control('DELETE', `/files/${remoteId}`);
export const idsAt = async (id: Played): Promise<readonly string[]> =>
  (await world.emulators[id].state()).files.map((file) => file.id).toSorted();

const expectForeignIntact = async (): Promise<void> => {
  for (const id of played) {
    const { files, deleted } = await world.emulators[id].state();
    expect(files.map((file) => file.id)).toEqual(expect.arrayContaining([...foreign[id]]));
    expect(deleted.filter((each) => foreign[id].includes(each))).toEqual([]);
  }
};

/** With breakers of its own, which what an earlier test has met does not open. */
export const pass = (
  mode: 'report' | 'repair' = 'repair',
  changes: Partial<Running['dependencies']> = {},
) => {
  const guards = createGuards({ firstBreakMs: 50 });
  return reconcile({ ...running.dependencies, guards, ...changes }, { mode, signal });
};

export const at = ({ accounts }: ReconcileReport, id: Played): AccountReport => {
  const found = accounts.find(({ provider, account }) => provider === id && account === 'account-1');
  if (found === undefined) throw new Error(`No account at ${id} was compared.`);
  return found;
};

/** The delivery of a new file to Kimi, in the record for longer than any list lags. */
export const delivered = async (of: Sample = {}, owner = OWNER): Promise<Ledger> => {
  const { file } = await deliverSample(running, of, owner);
  await makeOld();
  return only(file.id);
};
export const makeOld = () =>
  database
    .updateTable('provider_file_uploads')
    .set({ updated_at: sql<Date>`now() - interval '1 hour'` })
    .execute();

export const only = async (fileId: string): Promise<Ledger> => {
  const [row] = await world.ledger([fileId]);
  if (row === undefined) throw new Error('The file has no delivery.');
  return row;
};

export const setRow = (fileId: string, changes: Partial<Record<string, unknown>>) =>
  database
    .updateTable('provider_file_uploads')
    .set(changes as never)
    .where('file_id', '=', fileId)
    .execute();

export const whenCompleted = (fileId: string): Promise<Ledger> =>
  until('the copy is there', async () => {
    const row = await only(fileId);
    return row.status === 'completed' && row.there.length === 1 ? row : null;
  });

export const rows = () => database.selectFrom('provider_file_uploads').selectAll().orderBy('id').execute();

/** Whatever the pass does, it changes neither the record nor a provider. */
export const expectNoChange = async (work: () => Promise<ReconcileReport>): Promise<ReconcileReport> => {
  const before = { rows: await rows(), kimi: await idsAt('kimi'), glm: await idsAt('glm') };
  const report = await work();
  expect({ rows: await rows(), kimi: await idsAt('kimi'), glm: await idsAt('glm') }).toEqual(before);
  return report;
};
