import type { FastifyInstance } from 'fastify';
import type { Kysely } from 'kysely';
import type { RateLimitStore } from '../admission/rate-limit-store.ts';
import { openRateLimits, type RateLimits } from '../admission/rate-limits.ts';
import type { Tokens } from '../admission/tokens.ts';
import type { ConsoleSettings } from '../http/routes/console-settings.ts';
import { createHttpServer } from '../http/server.ts';
import { createAuditTrail } from '../pipeline/audit-trail.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { ReadRecord } from '../pipeline/record-reading.ts';
import type { StatisticsKeeper } from '../pipeline/statistics.ts';
import type { Config } from '../platform/config.ts';
import type { Logger } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Tables } from '../platform/tables.ts';
import { insertAuditEntries } from '../tracking/audit.ts';
import type { Closing } from './closing.ts';
import { trustedProxies } from './trusted-proxies.ts';
import { version } from './version.ts';

interface HttpParts {
  readonly pipeline: Pipeline;
  readonly tokens: Tokens;
  readonly metrics: Metrics;
  readonly readRecord: ReadRecord;
  readonly statistics: StatisticsKeeper;
  /** Whether emulators stand in for providers. */
  readonly emulated: boolean;
  readonly database: Kysely<Tables>;
  readonly closing: Closing;
  readonly log: Logger;
}

/** The HTTP surface with its limits and its audit trail, as they are configured. The caller listens and closes. */
export const openHttp = (
  config: Config,
  { pipeline, tokens, metrics, readRecord, statistics, emulated, database, closing, log }: HttpParts,
): Promise<FastifyInstance> => {
  const audit = createAuditTrail({ write: (entries) => insertAuditEntries(database, entries), log });
  closing.add('audit', () => audit.close());
  const supabase = supabaseOf(config);
  return createHttpServer({
    pipeline,
    tokens,
    limits: openLimits(config, { closing, log }),
    trustedProxies: trustedProxies(config.TRUSTED_PROXIES),
    publicUrl: config.PUBLIC_URL ?? null,
    corsOrigins: config.CORS_ORIGINS ?? [],
    supabaseUrl: supabase?.url ?? null,
    consoleSettings: { version, emulated, supabase, graceUntil: config.AUTH_GRACE_UNTIL ?? null },
    metrics,
    readRecord,
    metricsToken: config.METRICS_TOKEN ?? null,
    statistics,
    audit,
    version,
    log,
  });
};

const supabaseOf = ({
  SUPABASE_URL: url,
  SUPABASE_ANON_KEY: anonKey,
}: Config): ConsoleSettings['supabase'] =>
  url === undefined || anonKey === undefined ? null : { url, anonKey };

const openLimits = (
  { RATE_LIMIT_PER_MINUTE: perMinute, REDIS_URL, DATABASE_URL, DATABASE_SCHEMA: schema }: Config,
  { closing, log }: Pick<HttpParts, 'closing' | 'log'>,
): RateLimits | null => {
  if (perMinute === 0) return null;
  let store: RateLimitStore = { kind: 'memory' };
  if (REDIS_URL !== undefined) store = { kind: 'redis', url: REDIS_URL, prefix: `${schema}:limits` };
  // A database of its own has no other instance at it.
  else if (DATABASE_URL !== undefined) store = { kind: 'postgres', url: DATABASE_URL, schema };
  const limits = openRateLimits({ perMinute, store, log });
  closing.add('rate limits', () => limits.close());
  return limits;
};
