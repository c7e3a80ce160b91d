import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ErrorCode } from '../core/errors.ts';
import type { ProviderId } from '../core/provider.ts';
import { SIZE_BUCKETS, TRANSFER_BUCKETS } from './metrics-buckets.ts';

const OUTCOMES = ['done', 'retry', 'rejected', 'unknown'] as const;
const BREAKER_STATES = ['closed', 'open', 'half_open'] as const;

export interface DeliveryMetrics {
  /** Ended with a copy there; the time is counted from when it was asked for. */
  completed(provider: ProviderId, ended: { readonly sizeBytes: number; readonly wantedAt: Date }): void;
  failed(provider: ProviderId, code: ErrorCode): void;
  tried(provider: ProviderId, outcome: (typeof OUTCOMES)[number]): void;
  willRetry(provider: ProviderId, code: ErrorCode): void;
  sent(provider: ProviderId, bytes: number): void;
  /** The last byte is there, so long after it was here. */
  followed(provider: ProviderId, seconds: number): void;
  /** Where the state of each breaker is read from whenever it is asked for. */
  watchBreakers(read: () => Iterable<readonly [ProviderId, (typeof BREAKER_STATES)[number]]>): void;
  /** Begins everything that is counted for these at 0. */
  expect(providers: Iterable<ProviderId>): void;
}

export const createDeliveryMetrics = (registry: Registry): DeliveryMetrics => {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> =>
    new Counter({ name, help, labelNames, registers });
  const histogram = (name: string, help: string, buckets: readonly number[]) =>
    new Histogram({ name, help, labelNames: ['provider'], buckets: [...buckets], registers });
  const ended = counter('file_upload_total', 'Deliveries that ended', ['provider', 'status']);
  const duration = histogram(
    'file_upload_duration_seconds',
    "From the wish to deliver to the provider's confirmation",
    TRANSFER_BUCKETS,
  );
  const size = histogram('file_upload_size_bytes', 'Sizes of completed deliveries', SIZE_BUCKETS);
  const start = histogram(
    'waybill_delivery_start_seconds',
    'From the last byte of a file here to its last byte there',
    TRANSFER_BUCKETS,
  );
  const failures = counter('waybill_delivery_failures_total', 'Failed deliveries', ['provider', 'code']);
  const attempts = counter('waybill_delivery_attempts_total', 'Tries', ['provider', 'outcome']);
  const retries = counter('waybill_delivery_retries_total', 'Tries that are to be made again', [
    'provider',
    'code',
  ]);
  const bytes = counter('waybill_delivery_bytes_total', 'Bytes sent to the provider', ['provider']);
  let readBreakers: Parameters<DeliveryMetrics['watchBreakers']>[0] = () => [];
  const breaker = new Gauge({
    name: 'waybill_breaker_state',
    help: '1 for the state the breaker is in',
    labelNames: ['provider', 'state'],
    registers,
    collect: () => {
      for (const [provider, now] of readBreakers())
        for (const state of BREAKER_STATES) breaker.set({ provider, state }, state === now ? 1 : 0);
    },
  });
  return {
    completed: (provider, { sizeBytes, wantedAt }) => {
      ended.inc({ provider, status: 'completed' });
      size.observe({ provider }, sizeBytes);
      duration.observe({ provider }, Math.max(0, Date.now() - wantedAt.getTime()) / 1_000);
    },
    failed: (provider, code) => {
      ended.inc({ provider, status: 'failed' });
      failures.inc({ provider, code });
    },
    tried: (provider, outcome) => attempts.inc({ provider, outcome }),
    willRetry: (provider, code) => retries.inc({ provider, code }),
    sent: (provider, more) => bytes.inc({ provider }, more),
    followed: (provider, seconds) => start.observe({ provider }, seconds),
    watchBreakers: (read) => {
      readBreakers = read;
    },
    expect: (providers) => {
      for (const provider of providers) {
        for (const status of ['completed', 'failed']) ended.inc({ provider, status }, 0);
        for (const outcome of OUTCOMES) attempts.inc({ provider, outcome }, 0);
        for (const one of [duration, size, start]) one.zero({ provider });
        bytes.inc({ provider }, 0);
        // What providers are most often in trouble with.
        for (const code of ['provider_unavailable', 'provider_rejected'] as const) {
          failures.inc({ provider, code }, 0);
          retries.inc({ provider, code }, 0);
        }
      }
    },
  };
};
