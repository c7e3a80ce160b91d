import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Provider } from '../../src/core/provider.ts';
import { createGuards } from '../../src/pipeline/guards.ts';
import { randomText } from '../support/random-text.ts';
import { until } from '../support/until.ts';
import {
  deliverSample,
  type ExactWorld,
  openExactWorld,
  PATIENCE,
  type Played,
  type Running,
  sample,
} from './support/exact-world.ts';
import { JOBS_SCHEMA, SCHEMA, useTestDatabases } from './support/test-databases.ts';

const databases = useTestDatabases({ queues: true });
const OWNER = 'user-1';
const CAP = 5;
let url = '';
let world: ExactWorld;
let running: Running;

const open = async (maxFiles: number, firstBreakMs = 50): Promise<void> => {
  url = await databases.migrated();
  world = await openExactWorld(url, SCHEMA, JOBS_SCHEMA, { maxFiles });
  running = await world.start({ guards: createGuards({ firstBreakMs }) });
};
afterEach(() => world.close());

/** Makes the file's copies last used that long ago; without a file, all copies that are not in use elsewhere. */
const age = (minutes: number, fileId?: string) =>
  databases.query(
    url,
    `update waybill.provider_file_uploads
     set last_used_at = now() - $1 * interval '1 minute', updated_at = now() - $1 * interval '1 minute'
     where status = 'completed' and ($2::text is null or file_id = $2)`,
    [minutes, fileId ?? null],
  );

/** As many files as fit, the first the one that was not used for longest. */
const fill = async (): Promise<string[]> => {
  const files: string[] = [];
  for (let made = 0; made < CAP; made += 1) files.push((await deliverSample(running)).file.id);
  for (const [index, id] of files.entries()) await age(60 - index, id);
  return files;
};

const rowOf = async (fileId: string) => {
  const [row] = await world.ledger([fileId]);
  if (row === undefined) throw new Error('The file has no delivery.');
  return row;
};

const posts = async (id: Played) =>
  (await world.emulators[id].state()).requests.filter(({ method }) => method === 'POST');

const held = async (): Promise<number> => (await world.emulators.kimi.state()).files.length;

const use = async (fileId: string): Promise<void> => {
  const { body } = await running.providerContent({ owner: OWNER, fileId, from: 'kimi' });
  for await (const _ of body);
};

describe('An account that is full', () => {
  beforeEach(() => open(CAP));

  it('loses the copy that was not used for longest, and gets it back on use', async () => {
    const [first = '', second = '', ...others] = await fill();
    await use(first);
    const { file } = await deliverSample(running);
    expect(await rowOf(file.id)).toMatchObject({ status: 'completed' });
    expect(await rowOf(second)).toMatchObject({ status: 'evicted', remoteId: null, there: [] });
    for (const id of [first, ...others]) expect(await rowOf(id)).toMatchObject({ status: 'completed' });

    await use(second);
    const back = await rowOf(second);
    expect(back).toMatchObject({ status: 'completed' });
    expect(back.there.map(({ id, sha256 }) => ({ id, sha256 }))).toEqual([
      { id: back.remoteId, sha256: back.sha256 },
    ]);
    expect(await rowOf(others[0] ?? '')).toMatchObject({ status: 'evicted', there: [] });
    expect(await held()).toBe(CAP);
  });

  it('gets an evicted copy back when it is asked for', async () => {
    const [first = ''] = await fill();
    await deliverSample(running);
    expect(await rowOf(first)).toMatchObject({ status: 'evicted' });
    await running.deliver({ owner: OWNER, fileId: first, provider: 'kimi' });
    await running.find(OWNER, first, PATIENCE);
    expect(await rowOf(first)).toMatchObject({ status: 'completed', there: [{}] });
    expect(await held()).toBe(CAP);
  });

  it('refuses with the reason while all is in use, and goes on when something can go', async () => {
    await fill();
    await age(0);
    const { file } = await running.receive(OWNER, sample());
    const refused = await until('the refusal', async () => {
      const row = await rowOf(file.id);
      return row.errorCode !== null && row.status === 'pending' && row;
    });
    expect(refused).toMatchObject({ errorCode: 'provider_quota_exceeded', there: [] });
    expect(refused.errorMessage).toMatch(/full: .*5.*in use/u);
    await age(10);
    await running.find(OWNER, file.id, PATIENCE);
    expect(await rowOf(file.id)).toMatchObject({ status: 'completed', there: [{}] });
    expect(await held()).toBe(CAP);
  });

  it('is never sent more than it holds by eight deliveries at once', async () => {
    await fill();
    const received = await Promise.all(Array.from({ length: 8 }, () => running.receive(OWNER, sample())));
    const ids = received.map(({ file }) => file.id);
    const arrived = new Set<string>();
    let most = 0;
    await until('every file was there', async () => {
      most = Math.max(most, await held());
      // What is evicted was there.
      for (const { status, fileId } of await world.ledger(ids))
        if (status === 'completed' || status === 'evicted') arrived.add(fileId);
      await age(10);
      return arrived.size === ids.length;
    });
    expect(most).toBeLessThanOrEqual(CAP);
    // The emulator refuses what is too much, so that none may have been refused.
    expect((await posts('kimi')).filter(({ status }) => status !== 200)).toEqual([]);
    const statuses = (await world.ledger()).map(({ status }) => status);
    // Of several that make room at once, one may give up its place after another copy went for it: never one too few goes.
    expect(statuses.filter((status) => status === 'completed').length).toBeLessThanOrEqual(CAP);
    expect(statuses.filter((status) => status === 'completed' || status === 'evicted')).toHaveLength(CAP + 8);
  });

  it('evicts a copy that another file shared until that was deleted', async () => {
    const bytes = randomText(500);
    const { file } = await deliverSample(running, { bytes });
    const twin = await deliverSample(running, { bytes, filename: 'twin.txt' });
    await running.delete(OWNER, twin.file.id);
    expect(await running.awaitRemoval(twin.file.id, PATIENCE)).toBe(true);
    for (let made = 1; made < CAP; made += 1) await deliverSample(running);
    await age(10, file.id);
    await deliverSample(running);
    expect(await rowOf(file.id)).toMatchObject({ status: 'evicted', there: [] });
  });
});

describe('A shared copy', () => {
  beforeEach(() => open(CAP));

  it('is evicted once none of its files has used it for longest, and comes back once for all', async () => {
    const bytes = Buffer.from('Words that two files share.');
    const first = await deliverSample(running, { bytes });
    const twin = await deliverSample(running, { bytes, filename: 'twin.txt' });
    const others: string[] = [];
    for (let made = 1; made < CAP; made += 1) others.push((await deliverSample(running)).file.id);
    await age(60, first.file.id);
    await age(5, twin.file.id);
    for (const id of others) await age(10, id);
    await deliverSample(running);
    expect((await rowOf(first.file.id)).status).toBe('completed');
    await age(70, twin.file.id);
    await deliverSample(running);
    for (const { file } of [first, twin])
      expect(await rowOf(file.id)).toMatchObject({ status: 'evicted', remoteId: null });

    await age(10);
    await use(twin.file.id);
    await use(first.file.id);
    expect((await rowOf(first.file.id)).status).toBe('completed');
    const held = (await world.emulators.kimi.state()).files.filter(
      ({ filename }) => filename.startsWith('notes') || filename.startsWith('twin'),
    );
    expect(held.filter(({ bytes: size }) => size === bytes.length)).toHaveLength(1);
  });
});

describe('The choice of `auto`', () => {
  beforeEach(() => open(CAP));

  it('passes over an account that is full for one with room, and says so', async () => {
    await fill();
    const options = { ...sample().options, destination: { kind: 'auto' } } as const;
    // What accounts hold is read anew after a while.
    const chosen = await until('another is chosen', async () => {
      const incoming = { ...sample(), options, finalOptions: () => options };
      const { deliveries } = await running.receive(OWNER, incoming);
      return deliveries[0]?.provider === 'glm' && deliveries[0];
    });
    expect(chosen.reason).toMatch(/glm accepts the file\. The account at kimi is full just now\./u);
  });
});

describe('The same bytes again', () => {
  beforeEach(() => open(1_000));

  it('from the same owner are not sent, and the copy goes with the last file', async () => {
    const bytes = randomText(2_000);
    const first = await deliverSample(running, { bytes });
    const second = await deliverSample(running, { bytes, filename: 'again.txt' });
    expect(await posts('kimi')).toHaveLength(1);
    expect(second.deliveries[0]).toMatchObject({
      status: 'completed',
      remoteId: first.deliveries[0]?.remoteId,
    });

    await running.delete(OWNER, first.file.id);
    expect(await running.awaitRemoval(first.file.id, PATIENCE)).toBe(true);
    expect(await held()).toBe(1);
    const heir = await running.find(OWNER, second.file.id);
    expect(heir.deliveries[0]?.remoteId).toBe(first.deliveries[0]?.remoteId);
    await use(second.file.id);

    await running.delete(OWNER, second.file.id);
    expect(await running.awaitRemoval(second.file.id, PATIENCE)).toBe(true);
    expect(await held()).toBe(0);
  });

  it('from another owner are sent, and neither deletion touches the other copy', async () => {
    const bytes = randomText(2_000);
    const own = await deliverSample(running, { bytes });
    const theirs = await deliverSample(running, { bytes }, 'user-2');
    expect(await posts('kimi')).toHaveLength(2);
    expect(theirs.deliveries[0]?.remoteId).not.toBe(own.deliveries[0]?.remoteId);
    await running.delete('user-2', theirs.file.id);
    expect(await running.awaitRemoval(theirs.file.id, PATIENCE)).toBe(true);
    await use(own.file.id);
    expect(await rowOf(own.file.id)).toMatchObject({ status: 'completed', there: [{}] });
  });

  it('are sent when the provider has lost the copy that both files shared, once for each use', async () => {
    const bytes = Buffer.from('Words that two files share.');
    const first = await deliverSample(running, { bytes });
    const second = await deliverSample(running, { bytes, filename: 'again.txt' });
    await world.emulators.kimi.control('DELETE', `/files/${first.deliveries[0]?.remoteId}`);
    await Promise.all([use(second.file.id), use(first.file.id)]);
    const statuses = (await world.ledger()).map(({ status }) => status);
    expect(statuses).toEqual(['completed', 'completed']);
    await use(first.file.id);
    await use(second.file.id);
  });
});

describe('A provider in trouble', () => {
  const BREAK_MS = 400;
  beforeEach(() => open(1_000, BREAK_MS));
  const guardOf = (id: Played) => running.dependencies.guards.of(world.provider(id) satisfies Provider);

  it('is left alone after repeated failures, tried by one delivery, and used again when that succeeds', async () => {
    const { kimi } = world.emulators;
    await kimi.fault('status', { on: 'upload', status: 429, body: '', times: 5 });
    // The probe takes long enough to be seen.
    await kimi.fault('slow-answer', { delayMs: 200 });
    const first = await running.receive(OWNER, sample());
    await until('the breaker opens', () => guardOf('kimi').state === 'open');
    const later = await Promise.all([1, 2].map(() => running.receive(OWNER, sample())));
    const waiting = [first, ...later];
    expect(await posts('kimi')).toHaveLength(5);
    const elsewhere = await deliverSample(running, { to: ['glm'] });
    expect(elsewhere.deliveries).toMatchObject([{ status: 'completed', attempts: 1 }]);
    expect(guardOf('glm').state).toBe('closed');

    await until('the probe', () => guardOf('kimi').state === 'half_open');
    await until('it arrives', async () => (await posts('kimi')).length > 5);
    expect(await posts('kimi')).toHaveLength(6);
    for (const { file } of waiting) await running.find(OWNER, file.id, PATIENCE);
    expect(guardOf('kimi').state).toBe('closed');
    for (const { status, there } of await world.ledger()) {
      expect({ status, there: there.length }).toEqual({ status: 'completed', there: 1 });
    }
  });
});
