import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { jobKinds } from '../src/pipeline/job-kinds.ts';
import { openDatabase } from '../src/platform/database.ts';
import { startEmbeddedPostgres } from '../src/platform/embedded-postgres/embedded-postgres.ts';
import { startJobs } from '../src/platform/jobs.ts';
import { migrate } from '../src/platform/migrate.ts';
import {
  deliverSample,
  type ExactWorld,
  type Ledger,
  meetFault,
  openExactWorld,
  played,
  type Running,
} from '../test/integration/support/exact-world.ts';
import { type UploadFault, uploadFaults } from '../test/integration/support/upload-faults.ts';

// Prints, for each fault of an upload, what became of 20 uploads that met it, half of them to Kimi and half to GLM: files
// at the providers, rows by status, attempts. Ends with 1 when a completed row has not exactly its file there, or a
// failed one has any:  npm run faults

const UPLOADS_EACH = 10;
const SCHEMA = 'waybill';

const main = async (): Promise<void> => {
  const directory = await mkdtemp(join(tmpdir(), 'fault-table-'));
  const log = pino({ level: 'silent' });
  const postgres = await startEmbeddedPostgres({ directory: join(directory, 'postgres'), log });
  try {
    const database = openDatabase({ url: postgres.url, schema: SCHEMA, log });
    await migrate(database, SCHEMA);
    await database.destroy();
    const jobsSchema = `${SCHEMA}_jobs`;
    await (await startJobs({ url: postgres.url, schema: jobsSchema, kinds: jobKinds, log })).stop(0);
    const world = await openExactWorld(postgres.url, SCHEMA, jobsSchema);
    try {
      await print(world);
    } finally {
      await world.close();
    }
  } finally {
    await postgres.stop();
    await rm(directory, { recursive: true, force: true });
  }
};

const print = async (world: ExactWorld): Promise<void> => {
  const running = await world.start();
  // The file whose id `dup-id` answers with.
  await deliverSample(running, { to: played });
  process.stdout.write(
    '| fault | uploads | files there | rows | attempts | exact |\n|---|---|---|---|---|---|\n',
  );
  for (const scenario of uploadFaults) {
    const rows = await play(world, running, scenario);
    const isExact = rows.every(isRight);
    if (!isExact) process.exitCode = 1;
    const filesThere = rows.reduce((sum, { there }) => sum + there.length, 0);
    const cells = [
      scenario.title,
      rows.length,
      filesThere,
      counted(rows.map(({ status }) => status)),
      counted(rows.map(({ attempts }) => String(attempts))),
      isExact ? 'yes' : 'NO',
    ];
    process.stdout.write(`| ${cells.join(' | ')} |\n`);
  }
};

const play = async (
  world: ExactWorld,
  running: Running,
  scenario: UploadFault,
): Promise<readonly Ledger[]> => {
  const files = await meetFault(world, running, scenario, UPLOADS_EACH);
  return world.ledger(files.map(({ file }) => file.id));
};

const isRight = ({ status, remoteId, sha256, there }: Ledger): boolean => {
  if (status === 'failed') return there.length === 0;
  const [copy, ...surplus] = there;
  return status === 'completed' && copy?.id === remoteId && copy?.sha256 === sha256 && surplus.length === 0;
};

/** `18 completed, 2 failed`, the most frequent first. */
const counted = (values: readonly string[]): string =>
  [...Map.groupBy(values, (value) => value)]
    .sort((a, b) => b[1].length - a[1].length)
    .map(([value, group]) => `${group.length} × ${value}`)
    .join(', ');

await main();
