/** Backups of a real record and a real store: what is damaged, what is cut off, and what a restore makes of either. */
import { mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { BlobRange } from '../../src/core/blob-store.ts';
import { backUp } from '../../src/pipeline/backup.ts';
import { jobKinds } from '../../src/pipeline/job-kinds.ts';
import { restore } from '../../src/pipeline/restore.ts';
import { startJobs } from '../../src/platform/jobs.ts';
import { openDiskBlobStore } from '../../src/staging/disk-blob-store.ts';
import { until } from '../support/until.ts';
import { JOBS_SCHEMA, log, SCHEMA, useTestDatabases } from './support/test-databases.ts';
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
const directories: string[] = [];
afterEach(async () => {
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true, force: true });
});

const newDirectory = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'test-backup-'));
  directories.push(directory);
  return directory;
};

const deliver = async (pipeline: TestPipeline) => {
  const { file } = await pipeline.receive(OWNER, sample({ to: ['kimi'] }));
  await pipeline.find(OWNER, file.id, PATIENCE);
  return file;
};

const backUpTo = (directory: string, { url }: TestWorld, { dependencies }: TestPipeline) =>
  backUp({ ...dependencies, url, schema: SCHEMA, directory, signal: new AbortController().signal });

/** An empty installation. */
const newInstallation = async () => {
  const url = await databases.migrated();
  const home = await newDirectory();
  const restoreFrom = async (
    directory: string,
    onFile: (abort: AbortController) => void = () => undefined,
  ) => {
    const blobs = await openDiskBlobStore(home);
    const jobs = await startJobs({ url, schema: JOBS_SCHEMA, kinds: jobKinds, log });
    const abort = new AbortController();
    const onProgress = (): void => onFile(abort);
    const parts = { database: databases.open(url), schema: SCHEMA, blobs, jobs };
    try {
      return await restore({ ...parts, directory, onProgress, signal: abort.signal });
    } finally {
      await jobs.stop(0);
      await blobs.close();
    }
  };
  const rows = <Row extends object>(statement: string) => databases.query<Row>(url, statement);
  return { restoreFrom, rows, url, home };
};

describe('a restore', () => {
  it('that is cut off leaves the record empty, and the next one completes', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    for (let made = 0; made < 4; made += 1) await deliver(pipeline);
    const directory = await newDirectory();
    expect(await backUpTo(directory, world, pipeline)).toMatchObject({ files: 4, damaged: [] });
    const { restoreFrom, rows } = await newInstallation();
    const cut = restoreFrom(directory, (abort) => abort.abort(new Error('Cut off.')));
    await expect(cut).rejects.toThrow('Cut off.');
    expect(await rows('select id from waybill.files union all select owner from waybill.quotas')).toEqual([]);
    expect(await restoreFrom(directory)).toMatchObject({ files: 4, contents: { copied: 4, kept: 0 } });
    expect(await rows('select charged_files, limit_files from waybill.quotas')).toEqual([
      { charged_files: '4', limit_files: null },
    ]);
    await expect(restoreFrom(directory)).rejects.toThrow('has files already');
  });

  it('finds the blobs that are there still when only the record was lost', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    await deliver(pipeline);
    const directory = await newDirectory();
    await backUpTo(directory, world, pipeline);
    const first = await newInstallation();
    await first.restoreFrom(directory);
    await first.rows('truncate waybill.files, waybill.restored cascade');
    expect(await first.restoreFrom(directory)).toMatchObject({ contents: { copied: 0, kept: 1 } });
  });

  it('puts back in line what waited and what was being sent', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const files = [await deliver(pipeline), await deliver(pipeline), await deliver(pipeline)];
    const states = ['uploading', 'processing', 'deleting'];
    for (const [index, file] of files.entries())
      await world.rows('update waybill.provider_file_uploads set status = $1 where file_id = $2', [
        states[index],
        file.id,
      ]);
    const directory = await newDirectory();
    await backUpTo(directory, world, pipeline);
    const { restoreFrom, rows } = await newInstallation();
    await restoreFrom(directory);
    expect(await rows('select status, doubt from waybill.provider_file_uploads order by status')).toEqual([
      { status: 'deleting', doubt: 'none' },
      { status: 'pending', doubt: 'look' },
      { status: 'processing', doubt: 'none' },
    ]);
    const waiting = `select name from ${JOBS_SCHEMA}.job where name in ('deliver-kimi', 'settle', 'retire') order by name`;
    expect(await rows(waiting)).toEqual([{ name: 'deliver-kimi' }, { name: 'retire' }, { name: 'settle' }]);
  });
});

describe('a backup', () => {
  it('says which master copies are not what they should be, and a restore keeps what their providers have', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const [whole, broken] = [await deliver(pipeline), await deliver(pipeline)];
    const found = await pathOfBlob(world, broken.blobKey);
    await truncate(found, 5);
    const directory = await newDirectory();
    expect(await backUpTo(directory, world, pipeline)).toMatchObject({ files: 2, damaged: [broken.id] });
    const { restoreFrom, rows } = await newInstallation();
    expect(await restoreFrom(directory)).toMatchObject({ damaged: [broken.id], contents: { copied: 1 } });
    expect(
      await rows('select id from waybill.files where purged_at is not null and deleted_at is null'),
    ).toEqual([{ id: broken.id }]);
    expect(await rows('select status from waybill.provider_file_uploads')).toHaveLength(2);
    const contents = await readdir(join(directory, 'blobs', whole.sha256.slice(0, 2)));
    expect(contents).toEqual([whole.sha256]);
  });

  it('leaves out what is deleted while it runs, and a restore takes it up as deleted', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    const [staying, leaving] = [await deliver(pipeline), await deliver(pipeline)];
    const { blobs, ...dependencies } = pipeline.dependencies;
    const directory = await newDirectory();
    /** The store, with the deletion between the look at the record and the look at the blob. */
    async function* readAfterDeletion(key: string, range?: BlobRange): AsyncGenerator<Buffer> {
      if (key === leaving.blobKey) {
        await pipeline.delete(OWNER, leaving.id);
        await until('the blob to be gone', async () => !(await world.blobs()).includes(key));
      }
      yield* blobs.read(key, range);
    }
    const report = await backUp({
      ...dependencies,
      blobs: { ...blobs, read: readAfterDeletion },
      url: world.url,
      schema: SCHEMA,
      directory,
      signal: new AbortController().signal,
    });
    expect(report).toMatchObject({ files: 2, deletedMeanwhile: 1, damaged: [], contents: { copied: 1 } });
    const { restoreFrom, rows } = await newInstallation();
    await restoreFrom(directory);
    expect(await rows('select id from waybill.files where deleted_at is null')).toEqual([{ id: staying.id }]);
    expect(await rows('select charged_files from waybill.quotas')).toEqual([{ charged_files: '1' }]);
    expect(await rows("select file_id from waybill.provider_file_uploads where status = 'deleting'")).toEqual(
      [{ file_id: leaving.id }],
    );
  });

  it('holds neither sessions of uploads nor who was sending', async () => {
    const world = await newWorld();
    const pipeline = await world.start();
    await deliver(pipeline);
    await world.rows(
      `update waybill.provider_file_uploads set session = '{"key":"hush-hush"}', claimed_by = 'somebody-there'`,
    );
    const directory = await newDirectory();
    await backUpTo(directory, world, pipeline);
    const { records } = JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8'));
    const rows = await readFile(join(directory, records, 'provider_file_uploads.jsonl'), 'utf8');
    expect(rows).toContain('"status"');
    expect(rows).not.toMatch(/hush-hush|somebody-there/u);
  });
});

/** Where the store keeps a blob. */
const pathOfBlob = async (world: TestWorld, key: string): Promise<string> => {
  expect(await world.blobs()).toContain(key);
  const places = await readdir(tmpdir(), { withFileTypes: true });
  for (const { name } of places.filter((place) => place.name.startsWith('test-world-'))) {
    const path = join(tmpdir(), name, 'kept', key.slice(-2), key);
    if (
      await readFile(path).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  throw new Error(`The blob ${key} is nowhere.`);
};
