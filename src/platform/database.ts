import type { Writable } from 'node:stream';
import {
  type CompiledQuery,
  Kysely,
  PostgresAdapter,
  PostgresDialect,
  type Selectable,
  sql,
  type Transaction,
} from 'kysely';
import { Pool, type PoolClient, type QueryResult, types } from 'pg';
import { systemCode } from '../core/errors.ts';
import type { Logger } from './log.ts';
import type { PoolUse } from './metrics-process.ts';
import type { Tables } from './tables.ts';

/** A connection or a transaction; what every tracking function takes first, so that callers decide what commits together. */
export type Queryable = Kysely<Tables> | Transaction<Tables>;
export type Row<Name extends keyof Tables> = Selectable<Tables[Name]>;

const INT8_OID = 20;

export interface DatabaseOptions {
  readonly url: string;
  readonly schema: string;
  readonly log: Logger;
}

/**
 * Opens a pool on Postgres, at an address that `settleDatabaseUrl` gave unless it is our own server's. Names are qualified by `schema` in every statement rather than through
 * `search_path`, which poolers in transaction mode do not carry. The caller ends it with `destroy()`.
 */
export const openDatabase = ({ url, schema, log }: DatabaseOptions): Kysely<Tables> => {
  const pool = new Pool({
    connectionString: url,
    max: 16,
    connectionTimeoutMillis: 10_000,
    statement_timeout: 30_000,
    idle_in_transaction_session_timeout: 30_000,
    keepAlive: true,
    // Statements may be sent before the one in front has been answered; see `pipeline`.
    pipeline: true,
    application_name: 'waybill',
    types: {
      // Sizes and counters stay far below 2^53, so int8 can be a number.
      getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
        oid === INT8_OID ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
    },
  });
  // A connection that is lost is replaced by the pool, and a statement on it rejects; without a listener it would end the
  // process. The pool listens only to those that are idle.
  pool.on('error', (error) => log.warn({ event: 'database_connection_lost', err: error }));
  pool.on('connect', (client) => client.on('error', () => undefined));
  const dialect = new PostgresDialect({ pool });
  dialect.createAdapter = createAdapter;
  const database = new Kysely<Tables>({ dialect }).withSchema(schema);
  pools.set(database, pool);
  return database;
};

const MIGRATION_LOCK = 6_018_265_440_371;

/**
 * Kysely's, with a lock for migrations that ends with their transaction. Kysely's own stays until the connection gives it
 * back, and through a pooler that may be another connection by then.
 */
const createAdapter = (): PostgresAdapter =>
  Object.assign(new PostgresAdapter(), {
    acquireMigrationLock: async (db: Kysely<unknown>) =>
      void (await sql`select pg_advisory_xact_lock(${sql.lit(MIGRATION_LOCK)})`.execute(db)),
    releaseMigrationLock: async () => undefined,
  });

/** How a database that was opened here uses its connections. */
export const poolUse = (database: Kysely<Tables>): PoolUse => {
  const pool = pools.get(database);
  if (pool === undefined) throw new Error('This database was not opened here.');
  const { totalCount, idleCount, waitingCount } = pool;
  return { used: totalCount - idleCount, idle: idleCount, waiting: waitingCount };
};

/** What `pipeline` takes its connections from. */
const pools = new WeakMap<Kysely<Tables>, Pool>();

const TRANSACTION_TRIES = 3;
/** SQLSTATEs of a transaction that the server gave up for the sake of another. */
const CONFLICTS = new Set(['40001', '40P01']);

/** Runs a transaction, again if the server gave it up for another's sake: `work` does nothing that must happen once outside it. */
export const transact = async <T>(
  database: Kysely<Tables>,
  work: (trx: Transaction<Tables>) => Promise<T>,
): Promise<T> => {
  for (let tried = 1; ; tried += 1) {
    try {
      return await database.transaction().execute(work);
    } catch (error) {
      if (tried === TRANSACTION_TRIES || !CONFLICTS.has(systemCode(error) ?? '')) throw error;
    }
  }
};

/** A statement that can be executed by itself, or compiled and sent. */
interface Statement<Row> {
  compile(): CompiledQuery<Row>;
  execute(): Promise<Row[]>;
}

/** How a statement is run; what tracking functions take that are used in pipelines too. */
export type Run = <Row>(statement: Statement<Row>) => Promise<Row[]>;

/** Each by itself, where the statement was made. */
export const execute: Run = (statement) => statement.execute();

/** A transaction whose statements are sent without waiting for the answers before. */
export interface Pipeline {
  /** Sends a statement. Rejects when it, or one before it, fails. */
  readonly send: Run;
  /** Sends the end, behind everything sent so far. Rejects when nothing was committed. */
  commit(): Promise<void>;
}

/**
 * Runs a transaction in as few round trips as its statements depend on each other. `work` must call `commit`; when it
 * rejects without, nothing is kept. One that is not durable may be lost by a crash of the server, never by one of ours, and
 * is durable with the next that is.
 */
export const pipeline = async <T>(
  database: Kysely<Tables>,
  work: (pipeline: Pipeline) => Promise<T>,
  { isDurable = true }: { readonly isDurable?: boolean } = {},
): Promise<T> => {
  const pool = pools.get(database);
  if (pool === undefined) throw new Error('This database was not opened here.');
  const client = await pool.connect();
  let fault: unknown = null;
  const end: { commit: Promise<unknown> | null } = { commit: null };
  const query = sender(client, (error) => {
    fault ??= error;
  });
  try {
    void query(isDurable ? 'begin' : 'begin; set local synchronous_commit to off');
    return await work({
      send: async (statement) => {
        const { sql, parameters } = statement.compile();
        return (await query(sql, parameters)).rows as never;
      },
      commit: async () => {
        const committed = query('commit');
        end.commit = committed;
        const { command } = await committed;
        if (command !== 'COMMIT') throw new Error('The transaction was not committed.');
      },
    });
  } catch (error) {
    // What failed first is the cause, whatever was waited for first.
    await end.commit?.catch(() => undefined);
    throw fault ?? error;
  } finally {
    await (end.commit ?? query('rollback')).catch(() => undefined);
    client.release();
  }
};

/** Sends what is asked for in one turn of the event loop by one write. A failure is for whoever awaits it. */
const sender = (client: PoolClient, onFailure: (error: unknown) => void) => {
  const { stream } = (client as PoolClient & { connection: { stream: Writable } }).connection;
  let isCorked = false;
  return (text: string, parameters: readonly unknown[] = []): Promise<QueryResult> => {
    if (!isCorked) {
      isCorked = true;
      stream.cork();
      setImmediate(() => {
        isCorked = false;
        stream.uncork();
      });
    }
    const answered = client.query(text, [...parameters]);
    answered.catch(onFailure);
    return answered;
  };
};
