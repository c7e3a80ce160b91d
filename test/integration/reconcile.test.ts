import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { reconcile } from '../../src/pipeline/reconcile.ts';
import { randomText } from '../support/random-text.ts';
import { until } from '../support/until.ts';
import { played, sample } from './support/exact-world.ts';
import {
  at,
  database,
  delivered,
  expectNoChange,
  FOREIGN,
  foreign,
  idsAt,
  makeOld,
  OWNER,
  only,
  pass,
  rows,
  running,
  seed,
  setRow,
  vanish,
  whenCompleted,
  world,
} from './support/reconcile-world.ts';

describe('A record and providers that agree', () => {
  it('I4 are left alone, and what is foreign is counted', async () => {
    await delivered({ to: played });
    const report = await expectNoChange(() => pass());
    for (const id of played) {
      expect(at(report, id)).toMatchObject({
        state: 'ok',
        detail: null,
        listed: FOREIGN.length + 1,
        tracked: 1,
        matched: 1,
        foreign: FOREIGN.length,
        foreignMarked: 2,
        mismatched: 0,
        ghosts: { redelivered: 0, marked: 0, left: 0 },
        orphans: { adopted: 0, removed: 0, left: 0 },
      });
    }
    expect(
      at(report, 'kimi')
        .examples.map(({ kind, remoteId }) => `${kind} ${remoteId}`)
        .toSorted(),
    ).toEqual(foreign.kimi.map((id) => `foreign ${id}`).toSorted());
  });

  it('stay so while a list is shuffled and still shows what was removed', async () => {
    const gone = await delivered();
    await vanish('kimi', gone.remoteId ?? '');
    await setRow(gone.fileId, { status: 'deleted' });
    const { fileId } = await delivered();
    await world.emulators.kimi.fault('include-deleted');
    expect(at(await pass(), 'kimi')).toMatchObject({ matched: 1, orphans: { adopted: 0, removed: 0 } });
    expect(await only(fileId)).toMatchObject({ status: 'completed' });
  });
});

describe('A copy that the provider has lost', () => {
  it('is delivered again, and the next pass finds nothing', async () => {
    const lost = await delivered();
    await vanish('kimi', lost.remoteId ?? '');
    const report = await expectNoChange(() => pass('report'));
    expect(at(report, 'kimi').ghosts).toEqual({ redelivered: 1, marked: 0, left: 0 });
    expect(at(await pass(), 'kimi').ghosts).toEqual({ redelivered: 1, marked: 0, left: 0 });
    const back = await whenCompleted(lost.fileId);
    expect(back.remoteId).not.toBe(lost.remoteId);
    expect(back.there.map(({ id, sha256 }) => ({ id, sha256 }))).toEqual([
      { id: back.remoteId, sha256: lost.sha256 },
    ]);
    await makeOld();
    await expectNoChange(() => pass());
  });

  it('counts once where it serves several files, and comes back once for all', async () => {
    const bytes = randomText(2_000);
    const holder = await delivered({ bytes });
    const served = await delivered({ bytes });
    expect(served.remoteId).toBeNull();
    await vanish('kimi', holder.remoteId ?? '');
    expect(at(await pass(), 'kimi')).toMatchObject({ tracked: 1, ghosts: { redelivered: 1, left: 0 } });
    await whenCompleted(holder.fileId);
    await until('the other file is served', async () => (await only(served.fileId)).status === 'completed');
    expect(await idsAt('kimi')).toHaveLength(FOREIGN.length + 1);
  });

  it('is only recorded as gone when it has expired, or its file has', async () => {
    const expired = await delivered();
    await setRow(expired.fileId, { expires_at: new Date(Date.now() - 1_000) });
    const unwanted = await delivered();
    await database
      .updateTable('files')
      .set({ expires_at: new Date(Date.now() - 1_000) })
      .where('id', '=', unwanted.fileId)
      .execute();
    for (const { remoteId } of [expired, unwanted]) await vanish('kimi', remoteId ?? '');
    expect(at(await pass(), 'kimi').ghosts).toEqual({ redelivered: 0, marked: 2, left: 0 });
    for (const { fileId } of [expired, unwanted])
      expect(await only(fileId)).toMatchObject({ status: 'evicted', remoteId: null });
  });

  it('is only recorded as gone where there is no master copy, as of an imported file', async () => {
    const { fileId, remoteId } = await delivered();
    await database
      .updateTable('files')
      .set({ purged_at: sql<Date>`now()` })
      .where('id', '=', fileId)
      .execute();
    await vanish('kimi', remoteId ?? '');
    expect(at(await pass(), 'kimi').ghosts).toEqual({ redelivered: 0, marked: 1, left: 0 });
  });

  it('of a delivery that failed or was evicted is forgotten', async () => {
    for (const status of ['failed', 'evicted'] as const) {
      const { fileId, remoteId } = await delivered();
      await setRow(fileId, { status });
      await vanish('kimi', remoteId ?? '');
      expect(at(await pass(), 'kimi').ghosts).toEqual({ redelivered: 0, marked: 1, left: 0 });
      expect(await only(fileId)).toMatchObject({ status, remoteId: null });
    }
  });

  it('is left to the list lag while it is young, and to the provider when it has it after all', async () => {
    const { fileId, remoteId } = await delivered();
    await world.emulators.kimi.fault('omit-newest');
    expect(at(await expectNoChange(() => pass()), 'kimi').ghosts.left).toBe(1);
    await setRow(fileId, { updated_at: sql`now()` });
    await vanish('kimi', remoteId ?? '');
    const young = await expectNoChange(() => pass('repair', { listLagMs: 60_000 }));
    expect(at(young, 'kimi').ghosts).toEqual({ redelivered: 0, marked: 0, left: 1 });
  });

  it('is left when the provider cannot say so', async () => {
    const { remoteId } = await delivered();
    await vanish('kimi', remoteId ?? '');
    await world.emulators.kimi.fault('status', { on: 'retrieve', status: 503, times: 3 });
    const report = await expectNoChange(() => pass());
    expect(at(report, 'kimi')).toMatchObject({ state: 'ok', ghosts: { left: 1 } });
  });

  it('S26 gives way to what the same delivery has sent since, as after a restore', async () => {
    const bytes = randomText(2_000);
    const old = await delivered({ bytes });
    const newer = await seed('kimi', `notes.${old.mark}.txt`, bytes.toString());
    await vanish('kimi', old.remoteId ?? '');
    const foreseen = await expectNoChange(() => pass('report'));
    const done = await pass();
    for (const report of [foreseen, done]) {
      expect(at(report, 'kimi')).toMatchObject({
        ghosts: { redelivered: 0, marked: 0, left: 0 },
        orphans: { adopted: 1, removed: 0, left: 0 },
      });
    }
    expect(await only(old.fileId)).toMatchObject({ status: 'completed', remoteId: newer });
  });
});

describe('A record that was restored', () => {
  it('S26 has nothing removed by the first repair, and takes what was sent since', async () => {
    const bytes = randomText(2_000);
    const evicted = await delivered({ bytes });
    await setRow(evicted.fileId, { status: 'evicted', provider_file_id: null });
    const other = await delivered();
    const surplus = await seed('kimi', `notes.${other.mark}.txt`);
    await database.insertInto('restored').values({ the_one: true }).execute();
    try {
      expect(at(await pass(), 'kimi').orphans).toEqual({ adopted: 1, removed: 0, left: 1 });
    } finally {
      await database.deleteFrom('restored').execute();
    }
    expect(await only(evicted.fileId)).toMatchObject({ status: 'completed', remoteId: evicted.remoteId });
    expect(await idsAt('kimi')).toContain(surplus);
    expect(at(await pass(), 'kimi').orphans).toEqual({ adopted: 0, removed: 1, left: 0 });
  });
});

describe('A file that is ours and that no record names', () => {
  it.each(['failed', 'pending'] as const)(
    'is adopted by the delivery that is %s and wants it',
    async (status) => {
      const bytes = randomText(2_000);
      const { fileId, remoteId } = await delivered({ bytes });
      await setRow(fileId, {
        status,
        provider_file_id: null,
        doubt: 'look',
        due_at: new Date(Date.now() + 60_000),
      });
      const foreseen = await expectNoChange(() => pass('report'));
      for (const report of [foreseen, await pass()])
        expect(at(report, 'kimi').orphans).toEqual({ adopted: 1, removed: 0, left: 0 });
      expect(await only(fileId)).toMatchObject({ status: 'completed', doubt: 'none', remoteId });
      await expectNoChange(() => pass());
    },
  );

  it('is removed where the delivery has its copy, was evicted, failed with broken bytes, or its file is deleted', async () => {
    const names = await Promise.all(
      (['completed', 'evicted', 'failed', 'deleted'] as const).map(async (status) => {
        const { fileId, mark } = await delivered();
        if (status === 'failed' || status === 'evicted')
          await setRow(fileId, { status, provider_file_id: null });
        if (status === 'deleted') {
          await running.delete(OWNER, fileId);
          await running.awaitRemoval(fileId, { waitMs: 10_000 });
        }
        return `Broken.${mark.toUpperCase()}.txt`;
      }),
    );
    await makeOld();
    const stray = await Promise.all(names.map((name) => seed('kimi', name, 'Half.')));
    const before = await rows();
    // The two that lost their copies in the record left whole ones as well: the failed delivery takes its own back.
    const foreseen = await expectNoChange(() => pass('report'));
    const report = await pass();
    expect(at(report, 'kimi').orphans).toEqual({ adopted: 1, removed: 5, left: 0 });
    expect(at(foreseen, 'kimi').orphans).toEqual(at(report, 'kimi').orphans);
    expect((await idsAt('kimi')).filter((id) => stray.includes(id))).toEqual([]);
    expect((await rows()).filter(({ status }) => status === 'completed')).toHaveLength(2);
    expect(before).toHaveLength((await rows()).length);
    await expectNoChange(() => pass());
  });

  it('is what a delivery that is under way has just sent: then it is nothing yet', async () => {
    const bytes = randomText(2_000);
    await world.emulators.kimi.fault('slow-answer', { on: 'upload', delayMs: 250 });
    const { file } = await running.receive(OWNER, sample({ bytes }));
    await until('the file is there', async () => (await idsAt('kimi')).length > FOREIGN.length);
    const report = await pass();
    expect(at(report, 'kimi')).toMatchObject({
      listed: FOREIGN.length + 1,
      matched: 0,
      ghosts: { left: 0 },
      orphans: { adopted: 0, removed: 0, left: 0 },
    });
    expect(await whenCompleted(file.id)).toMatchObject({ attempts: 1, doubt: 'none' });
  });

  it('stays while the same bytes are being sent to a provider that would answer with it', async () => {
    const bytes = randomText(2_000);
    const { fileId, remoteId } = await delivered({ bytes });
    await setRow(fileId, { status: 'evicted', provider_file_id: null });
    await world.emulators.kimi.fault('slow-answer', { on: 'upload', delayMs: 300 });
    const kimi = world.provider('kimi');
    const recognising = { ...kimi, capabilities: { ...kimi.capabilities, recognisesBytes: true as const } };
    const { file } = await running.receive('user-2', sample({ bytes }));
    await until('it is being sent', async () => (await only(file.id)).status === 'uploading');
    const report = await pass('repair', { providers: new Map([['kimi', recognising]]) });
    expect(at(report, 'kimi').orphans).toEqual({ adopted: 0, removed: 0, left: 1 });
    expect(await idsAt('kimi')).toContain(remoteId);
    await whenCompleted(file.id);
  });

  it('is not what another user has named so: the last mark in a name counts', async () => {
    const victim = await delivered();
    await setRow(victim.fileId, { status: 'failed', provider_file_id: null, doubt: 'look' });
    await vanish('kimi', victim.remoteId ?? '');
    const trap = await delivered({ filename: `trap.${victim.mark}.txt` }, 'user-2');
    const report = await expectNoChange(() => pass());
    expect(at(report, 'kimi')).toMatchObject({ matched: 1, orphans: { adopted: 0, removed: 0, left: 0 } });
    expect(await only(victim.fileId)).toMatchObject({ status: 'failed', remoteId: null });
    expect(await only(trap.fileId)).toMatchObject({ status: 'completed' });
  });

  it.each([
    { fault: 'status', parameters: { status: 403, times: 1 }, ends: 'left' },
    { fault: 'status', parameters: { status: 429, times: 1, retryAfter: '0' }, ends: 'removed' },
    { fault: 'status', parameters: { status: 500, times: 3 }, ends: 'left' },
    { fault: 'deleted-false', parameters: { times: 3 }, ends: 'left' },
    { fault: 'stall', parameters: { times: 3 }, ends: 'left' },
    { fault: 'delete-then-status', parameters: { reset: true, times: 1 }, ends: 'removed' },
  ])('V24 whose removal meets $fault $parameters is $ends, and gone after the next pass', async (one) => {
    const { mark } = await delivered();
    const stray = await seed('kimi', `notes.${mark}.txt`);
    await world.emulators.kimi.fault(one.fault, { ...one.parameters, on: 'delete' });
    expect(at(await pass(), 'kimi').orphans).toMatchObject({ [one.ends]: 1 });
    await world.emulators.kimi.control('DELETE', '/faults');
    await until('it is gone', async () => {
      await pass();
      return !(await idsAt('kimi')).includes(stray);
    });
  });
});

describe('Two passes at once', () => {
  it('do what one would have done', async () => {
    const lost = await delivered();
    await vanish('kimi', lost.remoteId ?? '');
    const doubled = await delivered();
    await seed('kimi', `notes.${doubled.mark}.txt`);
    await Promise.all([pass(), pass(), pass()]);
    const back = await whenCompleted(lost.fileId);
    expect(back.attempts).toBe(2);
    expect(await idsAt('kimi')).toHaveLength(FOREIGN.length + 2);
  });
});

describe('A pass that is stopped', () => {
  it('rejects with the reason', async () => {
    await delivered();
    await world.emulators.kimi.fault('stall', { on: 'list' });
    const stopping = new AbortController();
    const ended = reconcile(running.dependencies, { mode: 'repair', signal: stopping.signal });
    stopping.abort(new Error('Enough.'));
    await expect(ended).rejects.toThrow('Enough.');
  });
});
