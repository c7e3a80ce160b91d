import type { Kysely } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Tables } from '../../src/platform/tables.ts';
import { witnessGrace } from '../../src/tracking/auth-graces.ts';
import { useTestDatabases } from './support/test-databases.ts';

const databases = useTestDatabases({ queues: false });
let database: Kysely<Tables>;

beforeEach(async () => {
  database = databases.open(await databases.migrated());
});

describe('the witness of a grace', () => {
  it('J44 remembers the latest time it was told, and when it was first told, for each grace', async () => {
    const end = new Date('2030-01-01T00:00:00Z');
    const at = (text: string) => new Date(`2030-01-01T00:00:${text}Z`);
    const look = (until: Date, now: Date) => witnessGrace(database, { until, now });
    expect(await look(end, at('10'))).toEqual({ openedAt: at('10'), latestAt: at('10') });
    expect(await look(end, at('20'))).toEqual({ openedAt: at('10'), latestAt: at('20') });
    expect(await look(end, at('05'))).toEqual({ openedAt: at('10'), latestAt: at('20') });
    expect(await look(at('30'), at('05'))).toEqual({ openedAt: at('05'), latestAt: at('05') });
  });
});
