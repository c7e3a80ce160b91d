import { Kysely, PostgresDialect, type Selectable, type Transaction } from 'kysely';
import { Pool, types } from 'pg';
import { systemCode } from '../core/errors.ts';
import type { Logger } from './log.ts';
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
 * Opens a pool on Postgres. Names are qualified by `schema` in every statement rather than through
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
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }).withSchema(schema);
};

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
