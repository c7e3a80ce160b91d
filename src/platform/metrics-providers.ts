import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Provider, ProviderId } from '../core/provider.ts';
import { TRANSFER_BUCKETS } from './metrics-buckets.ts';

/** What a call to a provider is for. */
export type ProviderOperation = 'upload' | 'retrieve' | 'list' | 'content' | 'remove';

export interface ProviderMetrics {
  /** A call that was answered with this status, or with none. */
  called(
    call: { readonly provider: ProviderId; readonly operation: ProviderOperation },
    answer: { readonly status: number | null; readonly seconds: number },
  ): void;
  /** Tells of the limits of the providers that are on. */
  limits(providers: Iterable<Provider>): void;
}

export const createProviderMetrics = (registry: Registry): ProviderMetrics => {
  const registers = [registry];
  const requests = new Counter({
    name: 'waybill_provider_requests_total',
    help: 'Calls to a provider',
    labelNames: ['provider', 'operation', 'status'],
    registers,
  });
  const durations = new Histogram({
    name: 'waybill_provider_request_duration_seconds',
    help: 'Until the answer to a call to a provider began',
    labelNames: ['provider', 'operation'],
    buckets: [...TRANSFER_BUCKETS],
    registers,
  });
  const limitBytes = new Gauge({
    name: 'waybill_provider_limit_bytes',
    help: 'Bytes that the account may hold',
    labelNames: ['provider'],
    registers,
  });
  const limitFiles = new Gauge({
    name: 'waybill_provider_limit_files',
    help: 'Files that the account may hold',
    labelNames: ['provider'],
    registers,
  });
  return {
    called: ({ provider, operation }, { status, seconds }) => {
      const group = status === null ? 'none' : `${Math.floor(status / 100)}xx`;
      requests.inc({ provider, operation, status: group });
      durations.observe({ provider, operation }, seconds);
    },
    limits: (providers) => {
      for (const { id: provider, capabilities } of providers) {
        if (capabilities.maxTotalBytes !== null) limitBytes.set({ provider }, capabilities.maxTotalBytes);
        if (capabilities.maxFiles !== null) limitFiles.set({ provider }, capabilities.maxFiles);
      }
    },
  };
};
