import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { toGatewayError } from '../../src/core/errors.ts';
import { pipeline, transact } from '../../src/platform/database.ts';
import { useTestDatabases } from './support/test-databases.ts';

const databases = useTestDatabases({ queues: false });

describe('Two transactions in each other\u2019s way', () => {
  it('both come to pass, since the one that the server gives up is begun again', async () => {
    const database = databases.open(await databases.migrated());
    await sql`create table counters (id integer primary key, n integer not null)`.execute(database);
    await sql`insert into counters values (1, 0), (2, 0)`.execute(database);
    const locked = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    let tries = 0;
    const countBoth = (first: number, mine: 0 | 1) =>
      transact(database, async (trx) => {
        tries += 1;
        await sql`update counters set n = n + 1 where id = ${first}`.execute(trx);
        locked[mine].resolve();
        // Only now does either go for the row that the other has.
        await Promise.all(locked.map(({ promise }) => promise));
        await sql`update counters set n = n + 1 where id = ${3 - first}`.execute(trx);
      });
    await Promise.all([countBoth(1, 0), countBoth(2, 1)]);
    const { rows } = await sql<{ n: number }>`select n from counters`.execute(database);
    expect(rows).toEqual([{ n: 2 }, { n: 2 }]);
    expect(tries).toBe(3);
  });

  it('are tried a few times, and then told as something that may pass', async () => {
    const database = databases.open(await databases.migrated());
    let tries = 0;
    const failing = transact(database, async () => {
      tries += 1;
      throw Object.assign(new Error('deadlock detected'), { code: '40P01' });
    });
    const error = await failing.catch((caught: unknown) => toGatewayError(caught));
    expect(error).toMatchObject({ code: 'unavailable', retry: 'later' });
    expect(tries).toBe(3);
  });
});

describe('A transaction whose statements are sent together', () => {
  const counting = async () => {
    const database = databases.open(await databases.migrated());
    await sql`create table counters (id integer primary key, n integer not null)`.execute(database);
    const statement = (text: string) => ({
      compile: () => sql.raw<{ n: number }>(text).compile(database),
      execute: async () => (await sql.raw<{ n: number }>(text).execute(database)).rows,
    });
    return { database, statement };
  };

  it('is carried out in order, and is there once it is committed', async () => {
    const { database, statement } = await counting();
    const read = await pipeline(database, async ({ send, commit }) => {
      const [, , rows] = await Promise.all([
        send(statement('insert into counters values (1, 1)')),
        send(statement('update counters set n = n + 1')),
        send(statement('select n from counters')),
        commit(),
      ]);
      return rows;
    });
    expect(read).toEqual([{ n: 2 }]);
    expect(await statement('select n from counters').execute()).toEqual([{ n: 2 }]);
  });

  it('is not there at all when a statement fails, and says which', async () => {
    const { database, statement } = await counting();
    for (let time = 0; time < 20; time += 1) {
      const failing = pipeline(database, ({ send, commit }) =>
        Promise.all([
          send(statement('insert into counters values (1, 1)')),
          send(statement('insert into nowhere values (1)')),
          send(statement('insert into counters values (2, 1)')),
          commit(),
        ]),
      );
      await expect(failing).rejects.toThrow(/nowhere/u);
    }
    expect(await statement('select n from counters').execute()).toEqual([]);
  });

  it('is undone when its work is given up, and the connection is as good as before', async () => {
    const { database, statement } = await counting();
    const givenUp = pipeline(database, async ({ send }) => {
      await send(statement('insert into counters values (1, 1)'));
      throw new Error('Given up.');
    });
    await expect(givenUp).rejects.toThrow('Given up.');
    expect(await statement('select n from counters').execute()).toEqual([]);
  });
});
