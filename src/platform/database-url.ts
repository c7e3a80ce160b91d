import { Client } from 'pg';

/** Parameters that a connection starts with and that poolers may refuse; PgBouncer does. */
const SETTINGS = ['statement_timeout', 'idle_in_transaction_session_timeout', 'lock_timeout'];
/** SQLSTATE of what PgBouncer says to them. */
const PROTOCOL_VIOLATION = '08P01';
/** Says that connections share the server's: as Prisma spells it, whose users have it in their addresses. */
const IS_SHARED = 'pgbouncer';
/** Where poolers of Supabase listen that give a connection out for one transaction. */
const SHARED_PORT = '6543';
const CONNECT_MS = 10_000;
const PROBES = 5;

/**
 * Finds out what stands at an address of Postgres, and resolves with the address that everything here connects by:
 * - TLS means what it means to libpq: `sslmode=require` encrypts, `verify-full` compares with `sslrootcert` too.
 * - Where a pooler refuses settings at the start of a connection, none are sent.
 * - Where a pooler gives out a connection for one transaction only, `keepsSessions` knows it from the address.
 * Rejects when nothing answers there.
 */
export const settleDatabaseUrl = async (address: string): Promise<string> => {
  const url = new URL(address);
  const parameters = url.searchParams;
  if (parameters.has('sslmode')) parameters.set('uselibpqcompat', 'true');
  // The authorities of the system are those that are compared with when none are named.
  if (parameters.get('sslrootcert') === 'system') parameters.delete('sslrootcert');
  if (parameters.get(IS_SHARED) === 'true' || url.port === SHARED_PORT || !(await takesSettings(url.href))) {
    for (const setting of SETTINGS) parameters.set(setting, '');
  }
  if (url.port === SHARED_PORT || (await isShared(url.href))) parameters.set(IS_SHARED, 'true');
  return url.href;
};

/** Whether what a connection is told lasts longer than a transaction: what LISTEN needs. Of an address that is settled. */
export const keepsSessions = (url: string): boolean => new URL(url).searchParams.get(IS_SHARED) !== 'true';

const takesSettings = async (url: string): Promise<boolean> => {
  try {
    await withClients(url, 1, async () => undefined);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === PROTOCOL_VIOLATION) return false;
    throw error;
  }
};

/** Two connections that are open at once are never the same process of the server, unless they share it. */
const isShared = (url: string): Promise<boolean> =>
  withClients(url, 2, async ([one, other]) => {
    const before = await processOf(one);
    for (let probed = 0; probed < PROBES; probed += 1) {
      await other?.query('begin');
      const [others, after] = [await processOf(other), await processOf(one)];
      await other?.query('commit');
      if (others === before || after !== before) return true;
    }
    return false;
  });

const processOf = async (client: Client | undefined): Promise<unknown> =>
  (await client?.query('select pg_backend_pid() as pid'))?.rows[0]?.pid;

const withClients = async <T>(
  url: string,
  count: number,
  work: (clients: readonly Client[]) => Promise<T>,
): Promise<T> => {
  const clients = Array.from({ length: count }, () => {
    const options = {
      connectionString: url,
      connectionTimeoutMillis: CONNECT_MS,
      statement_timeout: CONNECT_MS,
    };
    const client = new Client({ ...options, application_name: 'waybill-probe' });
    // What is lost is told by the statement that was under way.
    return client.on('error', () => undefined);
  });
  try {
    for (const client of clients) await client.connect();
    return await work(clients);
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  }
};
