/** Following files on a real record: what is told of, to whom, how often, and from where on. */
import { type Kysely, sql } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';
import { newFileId } from '../../src/core/file.ts';
import { createFileChanges } from '../../src/pipeline/file-changes.ts';
import { createFileFeed } from '../../src/pipeline/file-feed.ts';
import { createReceptions } from '../../src/pipeline/receptions.ts';
import { type FileEvent, watchFiles } from '../../src/pipeline/watch-files.ts';
import type { Tables } from '../../src/platform/tables.ts';
import { changedFiles, recordTime } from '../../src/tracking/changed-files.ts';
import { claimDelivery, recordProgress } from '../../src/tracking/delivery-attempts.ts';
import { markDeliveriesDeleting } from '../../src/tracking/delivery-removals.ts';
import { markFileDeleted } from '../../src/tracking/files.ts';
import { until } from '../support/until.ts';
import { recordDelivery, recordFile } from './support/record-samples.ts';
import { log, useTestDatabases } from './support/test-databases.ts';

const databases = useTestDatabases({ queues: false });
const OWNER = 'user-1';
const EPOCH = new Date(0);

let database: Kysely<Tables>;
beforeEach(async () => {
  database = databases.open(await databases.migrated());
});

const deleteFile = async (id: string): Promise<void> => {
  await markFileDeleted(database, OWNER, id);
  await markDeliveriesDeleting(database, [id]);
};
/** Makes all that is recorded so far older. */
const age = async (seconds: number): Promise<void> => {
  const earlier = (column: string) => sql<never>`${sql.ref(column)} - ${seconds} * interval '1 second'`;
  await database
    .updateTable('files')
    .set({ created_at: earlier('created_at'), deleted_at: earlier('deleted_at') })
    .execute();
  await database
    .updateTable('provider_file_uploads')
    .set({ updated_at: earlier('updated_at') })
    .execute();
};

describe('the changed files', () => {
  it('are the owners’ new, delivered and deleted ones since a time, each once, the longest unchanged first', async () => {
    const [old, delivered, deleted] = [
      await recordFile(database),
      await recordFile(database),
      await recordFile(database),
    ];
    await recordDelivery(database, delivered.id);
    await recordDelivery(database, deleted.id);
    await recordDelivery(database, old.id);
    await age(3_600);
    const since = await recordTime(database);
    const created = await recordFile(database);
    await recordDelivery(database, delivered.id, { provider: 'glm' });
    await deleteFile(deleted.id);
    await recordFile(database, { owner: 'user-2' });
    const found = await changedFiles(database, [OWNER], { since, limit: 10 });
    expect(found.map(({ id }) => id)).toEqual([created.id, delivered.id, deleted.id]);
    expect(new Set(found.map(({ owner }) => owner))).toEqual(new Set([OWNER]));
    expect(await changedFiles(database, [], { since, limit: 10 })).toEqual([]);
  });

  it('are paged through without a gap or a repetition, those of one moment too', async () => {
    const ids = Array.from({ length: 7 }, () => newFileId());
    await database.transaction().execute(async (trx) => {
      for (const id of ids) await recordFile(trx, { id });
    });
    const seen: string[] = [];
    let page = { since: EPOCH, after: '' };
    for (;;) {
      const found = await changedFiles(database, [OWNER], { ...page, limit: 3 });
      seen.push(...found.map(({ id }) => id));
      const last = found.at(-1);
      if (last === undefined) break;
      page = { since: last.changedAt, after: last.id };
    }
    expect(seen).toEqual(ids.toSorted());
  });
});

const world = () => {
  const stopping = new AbortController();
  const parts = {
    database,
    changes: createFileChanges(),
    receptions: createReceptions(),
    stopping: stopping.signal,
    log,
  };
  const feed = createFileFeed(parts);
  const end = new AbortController();
  return {
    ...parts,
    stopping,
    end,
    /** Follows and keeps what is told, as fast as it comes unless `read` is called instead. */
    watch: async (sinceMs?: number, owner = OWNER) => {
      const watched = await watchFiles(parts, feed, { owner, sinceMs, signal: end.signal });
      const iterator = watched.events[Symbol.asyncIterator]();
      const told: FileEvent[] = [];
      const follow = async (): Promise<void> => {
        for (let next = await iterator.next(); !next.done; next = await iterator.next())
          told.push(next.value);
      };
      return { cursorMs: watched.cursorMs, told, follow, iterator };
    },
  };
};

const nameOf = (event: FileEvent): string => {
  if (event.type === 'progress') return `progress ${event.reception.receivedBytes}`;
  if (event.type === 'updated') return `updated ${event.file.file.id}`;
  return `${event.type} ${event.fileId}`;
};

describe('following files', () => {
  it('tells what this process does at once, and only of own files, from now on', async () => {
    const { changes, receptions, watch, end } = world();
    const before = await recordFile(database);
    const { told, follow } = await watch();
    const following = follow();
    receptions.begin({ fileId: 'file-x', owner: 'user-2', filename: 'x', sizeBytes: 1 }).received(1);
    const other = await recordFile(database, { owner: 'user-2' });
    changes.announce(other.id, 'user-2');
    const handle = receptions.begin({ fileId: 'file-y', owner: OWNER, filename: 'y', sizeBytes: 9 });
    handle.received(9);
    await until('progress', () => told.length === 1);
    handle.end('aborted');
    await until('its end', () => told.length === 2);
    const file = await recordFile(database);
    changes.announce(file.id, OWNER);
    await until('the file', () => told.length === 3);
    await deleteFile(file.id);
    changes.announce(file.id, OWNER);
    await until('the deletion', () => told.length === 4);
    // By now the record has been looked at more than once as well, and that showed nothing else.
    const later = await recordFile(database);
    await until('what nobody announced', () => told.some((event) => nameOf(event) === `updated ${later.id}`));
    expect(told.map(nameOf)).toEqual([
      'progress 9',
      'aborted file-y',
      `updated ${file.id}`,
      `deleted ${file.id}`,
      `updated ${later.id}`,
    ]);
    expect(before.owner).toBe(OWNER);
    end.abort();
    await following;
  });

  it('ends with its signal, with the gateway, and when the reader goes', async () => {
    const one = world();
    const { follow } = await one.watch();
    const following = follow();
    one.end.abort();
    await following;
    const two = world();
    const second = (await two.watch()).follow();
    two.stopping.abort();
    await second;
    const three = world();
    const { iterator } = await three.watch(0);
    await recordFile(database);
    await iterator.next();
    expect(await iterator.return?.()).toMatchObject({ done: true });
  });

  it('tells a fast change rarely and its last state surely; a slow reader misses steps, not the end', async () => {
    const { changes, receptions, watch, end } = world();
    const { iterator, told, follow } = await watch();
    const handle = receptions.begin({ fileId: 'file-y', owner: OWNER, filename: 'y', sizeBytes: null });
    handle.received(1);
    expect((await iterator.next()).value).toMatchObject({ type: 'progress' });
    for (let bytes = 2; bytes <= 5_000; bytes += 1) handle.received(bytes);
    const { id } = await recordFile(database);
    const { id: deliveryId } = await recordDelivery(database, id);
    const claim = await claimDelivery(database, deliveryId, { by: 'i', leaseMs: 60_000 });
    for (let bytesSent = 1; bytesSent <= 100; bytesSent += 1) {
      await recordProgress(database, claim ?? { id: '', attempts: 0 }, { bytesSent, leaseMs: 60_000 });
      changes.announce(id, OWNER);
    }
    const following = follow();
    await until('both ends', () =>
      [
        told.some((event) => event.type === 'progress' && event.reception.receivedBytes === 5_000),
        told.some((event) => event.type === 'updated' && event.file.deliveries[0]?.bytesSent === 100),
      ].every(Boolean),
    );
    expect(told.length).toBeLessThanOrEqual(4);
    end.abort();
    await following;
  });

  it('begins with what has changed since a cursor, in pages, and goes on live', async () => {
    const { changes, receptions, watch, end } = world();
    const old = await recordFile(database);
    await age(3_600);
    const sinceMs = (await recordTime(database)).getTime();
    const files = await Promise.all(Array.from({ length: 130 }, () => recordFile(database)));
    const gone = files.slice(0, 3);
    for (const { id } of gone) await deleteFile(id);
    receptions.begin({ fileId: 'file-y', owner: OWNER, filename: 'y', sizeBytes: 9 });
    const { told, follow, cursorMs } = await watch(sinceMs);
    expect(cursorMs).toBe(sinceMs);
    const following = follow();
    await until('all of them', () => told.length >= files.length + 1);
    const live = await recordFile(database);
    changes.announce(live.id, OWNER);
    await until('the live one', () => told.some((event) => nameOf(event) === `updated ${live.id}`));
    const names = told.map(nameOf);
    expect(names.toSorted()).toEqual(
      [
        'progress 0',
        ...gone.map(({ id }) => `deleted ${id}`),
        ...files.slice(3).map(({ id }) => `updated ${id}`),
        `updated ${live.id}`,
      ].toSorted(),
    );
    expect(names).not.toContain(`updated ${old.id}`);
    expect(Math.min(...told.map((event) => event.cursorMs))).toBeGreaterThanOrEqual(sinceMs);
    end.abort();
    await following;
  });

  it('can be gone on with from any event, and nothing is missed', async () => {
    const first = world();
    const files: string[] = [];
    const { iterator } = await first.watch(0);
    for (let index = 0; index < 60; index += 1) files.push((await recordFile(database)).id);
    const told = new Set<string>();
    let cursorMs = 0;
    for (let index = 0; index < 20; index += 1) {
      const { value } = await iterator.next();
      if (value === undefined) break;
      told.add(nameOf(value));
      cursorMs = value.cursorMs;
    }
    first.end.abort();
    await iterator.return?.();
    const second = world();
    const again = await second.watch(cursorMs);
    const following = again.follow();
    await until('the rest', () => {
      for (const event of again.told) told.add(nameOf(event));
      return files.every((id) => told.has(`updated ${id}`));
    });
    second.end.abort();
    await following;
  });
});
