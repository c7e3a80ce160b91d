import { describe, expect, it } from 'vitest';
import { reconcile } from '../../src/pipeline/reconcile.ts';
import { until } from '../support/until.ts';
import { deliverSample } from './support/exact-world.ts';
import {
  at,
  delivered,
  expectNoChange,
  FOREIGN,
  idsAt,
  makeOld,
  only,
  pass,
  running,
  seed,
  setRow,
  signal,
  vanish,
  whenCompleted,
  world,
} from './support/reconcile-world.ts';

describe('A list that', () => {
  it.each([
    { fault: 'status', parameters: { status: 403 } },
    { fault: 'status', parameters: { status: 429 } },
    { fault: 'status', parameters: { status: 500 } },
    { fault: 'stall', parameters: {} },
    { fault: 'truncated-json', parameters: {} },
    { fault: 'malformed-json', parameters: {} },
    { fault: 'error-in-200', parameters: {} },
    { fault: 'list-fails-half-way', parameters: {} },
    { fault: 'repeat-page', parameters: { times: 5 } },
    { fault: 'endless-pages', parameters: {} },
  ])(
    'V32 meets $fault $parameters leads to nothing, and to nothing elsewhere',
    async ({ fault, parameters }) => {
      const lost = await delivered({ to: ['glm'] });
      await vanish('glm', lost.remoteId ?? '');
      await seed('glm', `notes.${lost.mark}.txt`);
      await world.emulators.glm.fault(fault, { ...parameters, on: 'list' });
      const report = await expectNoChange(() => pass());
      expect(at(report, 'glm')).toMatchObject({
        state: 'list_failed',
        detail: expect.stringMatching(/./u),
        listed: 0,
        ghosts: { redelivered: 0, marked: 0, left: 0 },
      });
      expect(at(report, 'kimi')).toMatchObject({ state: 'ok' });
    },
  );

  it('shows other sizes than the record, or files of another account of ours, leads to nothing', async () => {
    const odd = await delivered();
    await world.emulators.kimi.fault('wrong-bytes', { on: 'list', delta: -1 });
    const sizes = await expectNoChange(() => pass());
    expect(at(sizes, 'kimi')).toMatchObject({ matched: 0, mismatched: 1, ghosts: { left: 0 } });
    await setRow(odd.fileId, { account: 'account-0' });
    const accounts = await expectNoChange(() => pass());
    expect(at(accounts, 'kimi')).toMatchObject({
      tracked: 0,
      matched: 0,
      mismatched: 1,
      foreign: FOREIGN.length,
    });
    expect(accounts.accounts).toContainEqual(
      expect.objectContaining({ provider: 'kimi', account: 'account-0', state: 'unreachable', tracked: 1 }),
    );
    await setRow(odd.fileId, { provider_file_id: null });
    expect(at(await expectNoChange(() => pass()), 'kimi')).toMatchObject({
      mismatched: 1,
      orphans: { left: 0 },
    });
  });

  it('I21 lacks many copies is not believed, unless every one of them is gone', async () => {
    const files = await Promise.all(Array.from({ length: 12 }, () => deliverSample(running, {})));
    await makeOld();
    const { mark, fileId, remoteId } = await only(files[0]?.file.id ?? '');
    const stray = await seed('kimi', `notes.${mark}.txt`);
    await world.emulators.kimi.fault('omit-newest', { count: 14 });
    const report = await expectNoChange(() => pass());
    expect(at(report, 'kimi')).toMatchObject({ state: 'suspicious', tracked: 12, ghosts: { left: 12 } });
    expect(at(report, 'kimi').detail).toContain('12 of the 12');
    await vanish('kimi', stray);
    await vanish('kimi', remoteId ?? '');
    for (const one of files.slice(1)) await vanish('kimi', (await only(one.file.id)).remoteId ?? '');
    expect(at(await pass(), 'kimi')).toMatchObject({ state: 'ok', ghosts: { redelivered: 12, left: 0 } });
    await whenCompleted(fileId);
    await until('all are back', async () => (await idsAt('kimi')).length === FOREIGN.length + 12);
  });
});

describe('A pass that somebody has forced', () => {
  it('settles what a list that misses much says, as far as the provider confirms it', async () => {
    const files = await Promise.all(Array.from({ length: 12 }, () => deliverSample(running, {})));
    await makeOld();
    const { remoteId } = await only(files[0]?.file.id ?? '');
    await vanish('kimi', remoteId ?? '');
    await world.emulators.kimi.fault('omit-newest', { count: 11, times: 2 });
    expect(at(await expectNoChange(() => pass()), 'kimi').state).toBe('suspicious');
    const forced = await reconcile(running.dependencies, { mode: 'repair', isForced: true, signal });
    expect(at(forced, 'kimi')).toMatchObject({ state: 'ok', ghosts: { redelivered: 1, left: 11 } });
    await whenCompleted(files[0]?.file.id ?? '');
  });
});
