import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toGatewayError } from '../../src/core/errors.ts';
import { getFile } from '../../src/tracking/files.ts';
import { until } from '../support/until.ts';
import { recordFile } from './support/record-samples.ts';
import { useTestDatabases } from './support/test-databases.ts';

const databases = useTestDatabases({ queues: false });

/** A line to the database that can be cut. */
const startLine = async (target: URL) => {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => sockets.delete(one));
      one.pipe(other);
    }
  });
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const url = new URL(target);
  url.port = String(port);
  const cut = (how: 'end' | 'resetAndDestroy'): void => {
    for (const socket of sockets) socket[how]();
  };
  return {
    url: url.href,
    cut,
    close: async (): Promise<void> => {
      const closed = once(server, 'close');
      server.close();
      cut('resetAndDestroy');
      await closed;
    },
    open: () => listen(port),
    isUsed: (): boolean => sockets.size > 0,
  };
};

let line: Awaited<ReturnType<typeof startLine>>;
let direct: string;

beforeEach(async () => {
  direct = await databases.migrated();
  line = await startLine(new URL(direct));
});
afterEach(() => line.close().catch(() => undefined));

const outcome = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error) => toGatewayError(error).code,
  );

describe('a database that goes away', () => {
  it.each(['end', 'resetAndDestroy'] as const)(
    'under a statement is told as unavailable: %s',
    async (how) => {
      const database = databases.open(line.url);
      // Runs until the line is cut under it; nothing waits for its end.
      const sleeping = outcome(sql`select pg_sleep(30)`.execute(database));
      await until('the statement at the server', async () => {
        const running = `select pid from pg_stat_activity where query like 'select pg_sleep%' and datname = current_database()`;
        return (await databases.query(direct, running)).length === 1;
      });
      line.cut(how);
      expect(await sleeping).toBe('unavailable');
    },
  );

  it('by its own decision is told as unavailable', async () => {
    const database = databases.open(line.url);
    const ending = sql`select pg_terminate_backend(pg_backend_pid())`.execute(database);
    expect(await outcome(ending)).toBe('unavailable');
  });

  it('between statements is unavailable until it is back, and then the same pool works', async () => {
    const database = databases.open(line.url);
    const { id } = await recordFile(database);
    expect(line.isUsed()).toBe(true);
    await line.close();
    expect(await outcome(getFile(database, id))).toBe('unavailable');
    await line.open();
    await until('the database', async () => (await outcome(getFile(database, id))) === 'done');
  });

  it('leaves a transaction undone', async () => {
    const database = databases.open(line.url);
    const half = database.transaction().execute(async (trx) => {
      await recordFile(trx);
      line.cut('resetAndDestroy');
      await recordFile(trx);
    });
    expect(await outcome(half)).toBe('unavailable');
    expect(await databases.query(direct, 'select id from waybill.files')).toEqual([]);
  });
});
