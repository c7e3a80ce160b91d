import { Redis } from 'ioredis';
import { Pool } from 'pg';
import {
  type RateLimiterAbstract,
  RateLimiterMemory,
  RateLimiterPostgres,
  RateLimiterRedis,
} from 'rate-limiter-flexible';
import { systemCode } from '../core/errors.ts';
import type { Logger } from '../platform/log.ts';

/** Where the counters are: in this process, or where several instances see them. */
export type RateLimitStore =
  | { readonly kind: 'memory' }
  | { readonly kind: 'postgres'; readonly url: string; readonly schema: string }
  /** `prefix` keeps deployments apart that share a server. */
  | { readonly kind: 'redis'; readonly url: string; readonly prefix: string };

/** Counters, and what they hold open. */
export interface OpenedStore {
  readonly limiter: RateLimiterAbstract;
  /** Resolves once the first try to connect has ended, either way. */
  readonly tried: Promise<void>;
  close(): Promise<void>;
}

export interface CounterOptions {
  readonly points: number;
  /** In seconds. */
  readonly duration: number;
}

/** A call waits no longer than this for its count. */
const PATIENCE_MS = 1_000;
const RECONNECT_MAX_MS = 2_000;
const MAX_CONNECTIONS = 4;
const CLEAR_EVERY_MS = 60_000;

/** Opens counters. The caller closes. */
export const openRateLimitStore = (
  store: RateLimitStore,
  counters: CounterOptions,
  log: Logger,
): OpenedStore => {
  switch (store.kind) {
    case 'memory':
      return {
        limiter: new RateLimiterMemory(counters),
        tried: Promise.resolve(),
        close: async () => undefined,
      };
    case 'postgres':
      return openPostgres(store, counters, log);
    case 'redis':
      return openRedis(store, counters, log);
  }
};

const openPostgres = (
  { url, schema }: { url: string; schema: string },
  counters: CounterOptions,
  log: Logger,
): OpenedStore => {
  const pool = new Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: PATIENCE_MS,
    query_timeout: PATIENCE_MS,
    statement_timeout: PATIENCE_MS,
    application_name: 'waybill-limits',
  });
  pool.on('error', (error) => log.debug({ event: 'rate_limits_connection_lost', code: systemCode(error) }));
  const limiter = new RateLimiterPostgres({
    ...counters,
    // Without the name that the library gives each statement: poolers in transaction mode do not know it again.
    storeClient: {
      query: ({ text, values }: { text: string; values: unknown[] }) => pool.query({ text, values }),
    },
    storeType: 'pool',
    schemaName: schema,
    tableName: 'rate_limits',
    tableCreated: true,
    keyPrefix: '',
    clearExpiredByTimeout: false,
  });
  const clear = `delete from "${schema}".rate_limits where expire < $1`;
  const clearing = setInterval(() => {
    // The next one clears what this one does not.
    pool.query(clear, [Date.now()]).catch(() => undefined);
  }, CLEAR_EVERY_MS).unref();
  return {
    limiter,
    // The pool waits for its connections.
    tried: Promise.resolve(),
    close: async () => {
      clearInterval(clearing);
      await pool.end();
    },
  };
};

const openRedis = (
  { url, prefix }: { url: string; prefix: string },
  counters: CounterOptions,
  log: Logger,
): OpenedStore => {
  const redis = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    connectTimeout: PATIENCE_MS,
    commandTimeout: PATIENCE_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => Math.min(times * 100, RECONNECT_MAX_MS),
  });
  // By its code alone: a message may repeat the address, which has the password.
  redis.on('error', (error) => log.debug({ event: 'rate_limits_connection_lost', code: systemCode(error) }));
  // What keeps it from connecting is met by the first call that counts.
  const tried = redis.connect().catch(() => undefined);
  const limiter = new RateLimiterRedis({
    ...counters,
    storeClient: redis,
    keyPrefix: prefix,
    rejectIfRedisNotReady: true,
  });
  return { limiter, tried, close: async () => redis.disconnect() };
};
