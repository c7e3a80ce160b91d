import { Gauge, Registry } from 'prom-client';
import type { Provider } from '../core/provider.ts';
import { createDeliveryMetrics, type DeliveryMetrics } from './metrics-deliveries.ts';
import { createHttpMetrics, type HttpMetrics } from './metrics-http.ts';
import { createPassMetrics, type PassMetrics } from './metrics-passes.ts';
import { type PoolUse, processMetrics, showDisk, showPool } from './metrics-process.ts';
import { createProviderMetrics, type ProviderMetrics } from './metrics-providers.ts';
import { createReceptionMetrics, type ReceptionMetrics } from './metrics-receptions.ts';
import { createRecordMetrics, type RecordMetrics } from './metrics-record.ts';
import { createSampler, type MetricsSample } from './metrics-sample.ts';

/**
 * What one gateway counts, as docs/metrics.md has it. Every value of a label comes from a list of ours: no user, no file,
 * nothing that a client chooses.
 */
export interface Metrics {
  readonly receptions: ReceptionMetrics;
  readonly deliveries: DeliveryMetrics;
  readonly providers: ProviderMetrics;
  readonly http: HttpMetrics;
  readonly passes: PassMetrics;
  readonly record: RecordMetrics;
  /** Begins what is counted for the providers that are on at 0, and tells of their limits. */
  expect(providers: Iterable<Provider>): void;
  /** Shows the disk that the directory is on, and the pool of database connections. */
  show(place: { readonly directory: string; readonly pool: () => PoolUse }): void;
  /** The totals so far. */
  sample(): Promise<MetricsSample>;
  /** In Prometheus' text format, with those of the process. */
  text(): Promise<string>;
}

export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

export const createMetrics = ({ version, emulated }: { version: string; emulated: boolean }): Metrics => {
  const registry = new Registry();
  // From now on, so that the first who asks gets what has a duration.
  const ofProcess = processMetrics();
  const deliveries = createDeliveryMetrics(registry);
  const providers = createProviderMetrics(registry);
  new Gauge({
    name: 'waybill_build_info',
    help: 'The version, and whether emulators stand in for providers',
    labelNames: ['version', 'emulated'],
    registers: [registry],
  }).set({ version, emulated: String(emulated) }, 1);
  return {
    receptions: createReceptionMetrics(registry),
    deliveries,
    providers,
    http: createHttpMetrics(registry),
    passes: createPassMetrics(registry),
    record: createRecordMetrics(registry),
    expect: (all) => {
      const list = [...all];
      deliveries.expect(list.map(({ id }) => id));
      providers.limits(list);
    },
    show: ({ directory, pool }) => {
      showDisk(registry, directory);
      showPool(registry, pool);
    },
    sample: createSampler(registry),
    text: async () => `${await registry.metrics()}\n${await ofProcess.metrics()}`,
  };
};
