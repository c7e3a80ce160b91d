import { randomUUID } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';
import { systemCode } from '../../src/core/errors.ts';
import {
  type Delivery,
  type DeliveryStatus,
  deliveryStatuses,
  type TrackedFile,
} from '../../src/core/file.ts';
import type { Tables } from '../../src/platform/tables.ts';
import {
  deliveriesOf,
  getDelivery,
  insertDeliveries,
  type NewDelivery,
  restartDelivery,
} from '../../src/tracking/deliveries.ts';
import {
  claimDelivery,
  endAttempt,
  pendingDeliveries,
  recordProgress,
  releaseClaims,
} from '../../src/tracking/delivery-attempts.ts';
import {
  filesBeingRemoved,
  markDeliveriesDeleting,
  markDeliveryDeleted,
  markDeliveryDeleting,
  recordRemovalFailure,
} from '../../src/tracking/delivery-removals.ts';
import type { NewFile } from '../../src/tracking/files.ts';
import { newDelivery, recordDelivery, recordDeliveryThatIs, recordFile } from './support/record-samples.ts';
import { useTestDatabases } from './support/test-databases.ts';

const databases = useTestDatabases({ queues: false });
const MINUTE_MS = 60_000;
const BY_US = { by: 'us', leaseMs: MINUTE_MS };

let database: Kysely<Tables>;

beforeEach(async () => {
  database = databases.open(await databases.migrated());
});

const aFile = (overrides: Partial<NewFile> = {}): Promise<TrackedFile> => recordFile(database, overrides);
const delivery = (fileId: string, overrides: Partial<NewDelivery> = {}): Promise<Delivery> =>
  recordDelivery(database, fileId, overrides);
const aDelivery = async (overrides: Partial<NewDelivery> = {}): Promise<Delivery> =>
  recordDelivery(database, (await aFile()).id, overrides);
const aDeliveryThatIs = (status: DeliveryStatus, remoteId: string | null = null): Promise<Delivery> =>
  recordDeliveryThatIs(database, status, { remoteId, claimedBy: 'us' });

const claimed = async (by = 'us'): Promise<Delivery> => {
  const found = await claimDelivery(database, (await aDelivery()).id, { by, leaseMs: MINUTE_MS });
  if (found === null) throw new Error('The delivery could not be claimed.');
  return found;
};

const letLeaseRunOut = (id: string) =>
  database
    .updateTable('provider_file_uploads')
    .set({ claimed_until: sql`now() - interval '1 millisecond'` })
    .where('id', '=', id)
    .execute();

/** The states from which `move` changes a delivery. */
const statesMovedBy = async (move: (from: Delivery) => Promise<unknown>): Promise<DeliveryStatus[]> => {
  const moved: DeliveryStatus[] = [];
  for (const status of deliveryStatuses) {
    const before = await aDeliveryThatIs(status);
    await move(before);
    if ((await getDelivery(database, before.id)).status !== status) moved.push(status);
  }
  return moved;
};

describe('a new delivery', () => {
  it('is recorded as it was planned', async () => {
    const file = await aFile();
    const planned = newDelivery(file.id, {
      status: 'failed',
      errorCode: 'no_provider_accepts',
      errorMessage: 'Too large.',
    });
    const [recorded] = await insertDeliveries(database, [planned]);
    const { claim: _, ...facts } = planned;
    expect(recorded).toMatchObject({
      ...facts,
      attempts: 0,
      bytesSent: 0,
      remoteId: null,
      expiresAt: null,
    });
    expect(await getDelivery(database, planned.id)).toEqual(recorded);
  });

  it('is recorded as claimed and in doubt when its sender carries it out at once', async () => {
    const planned = newDelivery((await aFile()).id, { claim: BY_US });
    const [recorded] = await insertDeliveries(database, [planned]);
    expect(recorded).toMatchObject({ status: 'uploading', attempts: 1, doubt: 'look' });
    expect(await claimDelivery(database, planned.id, BY_US)).toBeNull();
    expect((await releaseClaims(database, BY_US.by)).map(({ id }) => id)).toEqual([planned.id]);
  });

  it('gives way to the one that is there, of the same provider, account and purpose', async () => {
    const { id } = await aFile();
    const first = await delivery(id);
    expect(await insertDeliveries(database, [newDelivery(id)])).toEqual([]);
    const others = [{ provider: 'glm' }, { account: 'account-2' }, { purpose: 'batch' }] as const;
    expect(
      await insertDeliveries(
        database,
        others.map((other) => newDelivery(id, other)),
      ),
    ).toHaveLength(3);
    expect((await deliveriesOf(database, [id])).get(id)?.[0]).toEqual(first);
  });

  it('may follow one that was deleted', async () => {
    const first = await aDeliveryThatIs('deleted');
    expect(await insertDeliveries(database, [newDelivery(first.fileId)])).toHaveLength(1);
  });

  it('is made once by many who want it at once', async () => {
    const { id } = await aFile();
    const inserted = await Promise.all(
      Array.from({ length: 20 }, () => insertDeliveries(database, [newDelivery(id)])),
    );
    expect(inserted.flat()).toHaveLength(1);
  });

  it('may be none', async () => {
    expect(await insertDeliveries(database, [])).toEqual([]);
    expect((await deliveriesOf(database, [])).size).toBe(0);
  });
});

describe('claiming', () => {
  it('takes a pending delivery for one sender of many', async () => {
    const { id } = await aDelivery();
    const claims = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        claimDelivery(database, id, { by: `sender-${i}`, leaseMs: MINUTE_MS }),
      ),
    );
    const won = claims.filter((claim) => claim !== null);
    expect(won).toMatchObject([{ status: 'uploading', attempts: 1, bytesSent: 0 }]);
  });

  it('leaves one that waits until it is due, however often a job comes for it', async () => {
    const waiting = await claimed();
    await endAttempt(database, waiting, { status: 'pending', dueInMs: MINUTE_MS });
    expect(await claimDelivery(database, waiting.id, BY_US)).toBeNull();
    expect((await getDelivery(database, waiting.id)).dueAt?.getTime()).toBeGreaterThan(Date.now());
    const due = await claimed();
    await endAttempt(database, due, { status: 'pending', dueInMs: -1 });
    expect(await claimDelivery(database, due.id, BY_US)).toMatchObject({ attempts: 2 });
  });

  it('leaves alone what is neither pending nor out of its lease', async () => {
    expect(await statesMovedBy(({ id }) => claimDelivery(database, id, BY_US))).toEqual(['pending']);
  });

  it('takes over once the lease has run out, with the next attempt number, and for one only', async () => {
    const first = await claimed();
    expect(await claimDelivery(database, first.id, BY_US)).toBeNull();
    await letLeaseRunOut(first.id);
    const claims = await Promise.all(
      [1, 2, 3].map(() => claimDelivery(database, first.id, { by: 'others', leaseMs: MINUTE_MS })),
    );
    expect(claims.filter((claim) => claim !== null)).toMatchObject([{ attempts: 2, bytesSent: 0 }]);
  });

  it('finds nothing where there is nothing', async () => {
    expect(await claimDelivery(database, randomUUID(), BY_US)).toBeNull();
  });
});

describe('progress', () => {
  it('is recorded, and renews the lease', async () => {
    const ours = await claimed();
    await letLeaseRunOut(ours.id);
    expect(await recordProgress(database, ours, { bytesSent: 500, leaseMs: MINUTE_MS })).toBe(true);
    expect(await claimDelivery(database, ours.id, { by: 'others', leaseMs: MINUTE_MS })).toBeNull();
    expect((await getDelivery(database, ours.id)).bytesSent).toBe(500);
  });

  it('of a sender that was replaced changes nothing and says so', async () => {
    const ours = await claimed();
    await letLeaseRunOut(ours.id);
    const theirs = await claimDelivery(database, ours.id, { by: 'others', leaseMs: MINUTE_MS });
    expect(await recordProgress(database, ours, { bytesSent: 999, leaseMs: MINUTE_MS })).toBe(false);
    expect(await getDelivery(database, ours.id)).toEqual(theirs);
  });

  it('is of what is being sent only', async () => {
    for (const status of deliveryStatuses) {
      const from = await aDeliveryThatIs(status);
      const isOurs = await recordProgress(database, from, { bytesSent: 1, leaseMs: MINUTE_MS });
      expect([status, isOurs]).toEqual([status, status === 'uploading']);
    }
  });
});

describe('the end of an attempt', () => {
  it('records a copy', async () => {
    const ours = await claimed();
    const expiresAt = new Date('2030-01-02T03:04:05.678Z');
    const ended = await endAttempt(database, ours, {
      status: 'completed',
      remoteId: 'remote-1',
      bytesSent: 1_000,
      expiresAt,
    });
    expect(ended).toMatchObject({
      status: 'completed',
      remoteId: 'remote-1',
      bytesSent: 1_000,
      expiresAt,
      errorCode: null,
    });
    expect(await releaseClaims(database, 'us')).toEqual([]);
  });

  it('records a failure, which the next success wipes out', async () => {
    const ours = await claimed();
    const failure = {
      status: 'pending',
      errorCode: 'provider_unavailable',
      errorMessage: 'Kimi is away.',
    } as const;
    expect(await endAttempt(database, ours, failure)).toMatchObject(failure);
    const again = await claimDelivery(database, ours.id, BY_US);
    expect(again).toMatchObject({ attempts: 2, errorCode: 'provider_unavailable' });
    const ended = again && (await endAttempt(database, again, { status: 'completed', remoteId: 'remote-1' }));
    expect(ended).toMatchObject({ errorCode: null, errorMessage: null });
  });

  it('comes once: the second is told that it lost', async () => {
    const ours = await claimed();
    const ends = await Promise.all([
      endAttempt(database, ours, { status: 'completed', remoteId: 'remote-1' }),
      endAttempt(database, ours, { status: 'failed', errorCode: 'provider_rejected', errorMessage: 'No.' }),
    ]);
    const won = ends.filter((end) => end !== null);
    expect(won).toHaveLength(1);
    expect(await getDelivery(database, ours.id)).toEqual(won[0]);
  });

  it('of a sender that was replaced changes nothing', async () => {
    const ours = await claimed();
    await letLeaseRunOut(ours.id);
    const theirs = await claimDelivery(database, ours.id, { by: 'others', leaseMs: MINUTE_MS });
    expect(await endAttempt(database, ours, { status: 'completed', remoteId: 'remote-1' })).toBeNull();
    expect(await getDelivery(database, ours.id)).toEqual(theirs);
  });

  it('is of what is being sent only', async () => {
    expect(await statesMovedBy((from) => endAttempt(database, from, { status: 'failed' }))).toEqual([
      'uploading',
    ]);
  });

  it('refuses the id of a file that another row has at the same account', async () => {
    const [one, two] = [await claimed(), await claimed()];
    await endAttempt(database, one, { status: 'completed', remoteId: 'remote-1' });
    const refused = endAttempt(database, two, { status: 'completed', remoteId: 'remote-1' });
    expect(await refused.catch(systemCode)).toBe('23505');
    expect((await getDelivery(database, two.id)).status).toBe('uploading');
  });

  it('takes the same id at another account or provider', async () => {
    for (const other of [{}, { account: 'account-2' }, { provider: 'glm' }] as const) {
      const { id } = await aDelivery(other);
      const ours = await claimDelivery(database, id, BY_US);
      const ended = ours && (await endAttempt(database, ours, { status: 'completed', remoteId: 'remote-1' }));
      expect(ended?.remoteId).toBe('remote-1');
    }
  });
});

describe('a restart', () => {
  it('is for what ended without a copy', async () => {
    expect(await statesMovedBy(({ id }) => restartDelivery(database, id, 'Again.'))).toEqual([
      'failed',
      'evicted',
    ]);
  });

  it('keeps the attempt number, which is the fence, and forgets the failure', async () => {
    const ours = await claimed();
    await endAttempt(database, ours, {
      status: 'failed',
      errorCode: 'provider_rejected',
      errorMessage: 'No.',
    });
    expect(await restartDelivery(database, ours.id, 'Again.')).toMatchObject({
      status: 'pending',
      attempts: 1,
      reason: 'Again.',
      errorCode: null,
      errorMessage: null,
    });
  });
});

describe('recovery', () => {
  it('puts back in line what this installation was sending, and nothing of another', async () => {
    const [ours, theirs, pending] = [await claimed('us'), await claimed('others'), await aDelivery()];
    expect((await releaseClaims(database, 'us')).map(({ id }) => id)).toEqual([ours.id]);
    expect(await getDelivery(database, ours.id)).toMatchObject({ status: 'pending', attempts: 1 });
    expect(await getDelivery(database, theirs.id)).toEqual(theirs);
    expect(await getDelivery(database, pending.id)).toEqual(pending);
    expect(await endAttempt(database, ours, { status: 'completed', remoteId: 'late' })).toBeNull();
  });

  it('does not touch what ended, although this installation had sent it', async () => {
    for (const status of deliveryStatuses.filter((one) => one !== 'uploading')) await aDeliveryThatIs(status);
    expect(await releaseClaims(database, 'us')).toEqual([]);
  });

  it('finds which of some are still to be sent, and what is being removed', async () => {
    const untried = await aDelivery();
    const tried = await claimed();
    await endAttempt(database, tried, { status: 'pending', dueInMs: 60_000 });
    const [sending, other] = [await claimed(), await aDelivery()];
    const leaving = await aDeliveryThatIs('deleting', 'remote-1');
    const ids = [untried, tried, sending, leaving].map(({ id }) => id);
    expect((await pendingDeliveries(database, ids)).map(({ id }) => id).sort()).toEqual(
      [untried.id, tried.id].sort(),
    );
    expect(await pendingDeliveries(database, [])).toEqual([]);
    expect(ids).not.toContain(other.id);
    expect(await filesBeingRemoved(database)).toEqual([leaving.fileId]);
  });
});

describe('deleting', () => {
  it('moves each copy by what there is at the provider', async () => {
    const expected: Record<DeliveryStatus, [DeliveryStatus, DeliveryStatus]> = {
      pending: ['deleted', 'deleting'],
      uploading: ['uploading', 'uploading'],
      processing: ['deleted', 'deleting'],
      completed: ['deleted', 'deleting'],
      failed: ['deleted', 'deleting'],
      evicted: ['deleted', 'deleting'],
      deleting: ['deleted', 'deleting'],
      deleted: ['deleted', 'deleted'],
    };
    for (const status of deliveryStatuses) {
      const without = await aDeliveryThatIs(status);
      const withCopy = await aDeliveryThatIs(status, `remote-${status}`);
      await markDeliveriesDeleting(database, [without.fileId]);
      await markDeliveriesDeleting(database, [withCopy.fileId]);
      const after = [await getDelivery(database, without.id), await getDelivery(database, withCopy.id)];
      expect([status, ...after.map((one) => one.status)]).toEqual([status, ...expected[status]]);
    }
  });

  it('touches the copies of that file only', async () => {
    const [leaving, staying] = [
      await aDeliveryThatIs('completed', 'remote-1'),
      await aDeliveryThatIs('completed', 'remote-2'),
    ];
    await markDeliveriesDeleting(database, [leaving.fileId]);
    expect(await getDelivery(database, staying.id)).toEqual(staying);
  });

  it('is confirmed only of what is being deleted', async () => {
    expect(await statesMovedBy(({ id }) => markDeliveryDeleted(database, id))).toEqual(['deleting']);
  });

  it('that a provider refuses is noted, and the copy stays', async () => {
    const leaving = await aDeliveryThatIs('deleting', 'remote-1');
    const refusal = { errorCode: 'provider_unavailable', errorMessage: 'Kimi is away.' } as const;
    await recordRemovalFailure(database, leaving.id, refusal);
    expect(await getDelivery(database, leaving.id)).toMatchObject({ status: 'deleting', ...refusal });
    const completed = await aDeliveryThatIs('completed', 'remote-2');
    await recordRemovalFailure(database, completed.id, refusal);
    expect((await getDelivery(database, completed.id)).errorCode).toBeNull();
    await markDeliveryDeleted(database, leaving.id);
    expect(await getDelivery(database, leaving.id)).toMatchObject({ status: 'deleted', errorCode: null });
  });

  it('of one ended attempt follows on it', async () => {
    const ours = await claimed();
    await endAttempt(database, ours, { status: 'completed', remoteId: 'remote-1' });
    await markDeliveryDeleting(database, ours.id);
    expect((await getDelivery(database, ours.id)).status).toBe('deleting');
  });
});
