import type { Kysely } from 'kysely';
import type { Provider, ProviderId } from '../core/provider.ts';
import { createRecordReading, type ReadRecord } from '../pipeline/record-reading.ts';
import { type StatisticsKeeper, startStatistics } from '../pipeline/statistics.ts';
import type { Config } from '../platform/config.ts';
import { poolUse } from '../platform/database.ts';
import type { Jobs } from '../platform/jobs.ts';
import type { Logger } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import { spaceOf, watchEventLoop } from '../platform/metrics-process.ts';
import type { Tables } from '../platform/tables.ts';
import { openTracing, passiveTracing, type Tracing } from '../platform/tracing.ts';
import { meterProvider } from '../providers/meter-provider.ts';
import type { WatchCall } from '../providers/watched-call.ts';
import type { Closing } from './closing.ts';
import { version } from './version.ts';

/** Counts the calls to a provider, and has them known in traces. */
export const watchCalls =
  (
    { metrics, tracing }: { readonly metrics: Metrics; readonly tracing: Tracing },
    provider: ProviderId,
  ): WatchCall =>
  (operation) => {
    const beganAt = performance.now();
    const span = tracing.begin('provider request', { provider, operation });
    return {
      headers: span.headers,
      end: (status) => {
        const seconds = (performance.now() - beganAt) / 1_000;
        metrics.providers.called({ provider, operation }, { status, seconds });
        if (status !== null) span.set({ 'http.response.status_code': status });
        if (status === null || status >= 400) span.fail(status === null ? 'no_answer' : String(status));
        span.end();
      },
    };
  };

/** Spans go where the configuration says; without that, traces are only passed on. */
export const tracingOf = async (
  { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_SERVICE_NAME: serviceName }: Config,
  log: Logger,
): Promise<Tracing> =>
  endpoint === undefined ? passiveTracing : await openTracing({ endpoint, serviceName, version, log });

/** The providers, with the bytes counted that are sent to them. */
export const countSent = (
  metrics: Metrics,
  providers: ReadonlyMap<ProviderId, Provider>,
): ReadonlyMap<ProviderId, Provider> => {
  metrics.expect(providers.values());
  return new Map(
    [...providers].map(([id, provider]) => [
      id,
      meterProvider(provider, (bytes) => metrics.deliveries.sent(id, bytes)),
    ]),
  );
};

interface Watched {
  readonly metrics: Metrics;
  readonly database: Kysely<Tables>;
  readonly jobs: Jobs;
  readonly providers: ReadonlyMap<ProviderId, Provider>;
  readonly dataDirectory: string;
  readonly closing: Closing;
}

/** Begins to read the record, the disk and the process for whoever watches the gateway. */
export const watchGateway = async (
  { BLOB_STORE }: Pick<Config, 'BLOB_STORE'>,
  { metrics, database, jobs, providers, dataDirectory, closing }: Watched,
): Promise<{ readonly readRecord: ReadRecord; readonly statistics: StatisticsKeeper }> => {
  metrics.show({ directory: dataDirectory, pool: () => poolUse(database) });
  const loop = watchEventLoop();
  closing.add('event loop watch', () => loop.stop());
  const readRecord = createRecordReading({ database, jobs, providers });
  const statistics = await startStatistics({
    sample: metrics.sample,
    readRecord,
    freeBytes: async () => (BLOB_STORE === 'disk' ? (await spaceOf(dataDirectory)).freeBytes : null),
    lagSeconds: () => loop.lagSeconds(),
  });
  closing.add('statistics', () => statistics.close());
  return { readRecord, statistics };
};
