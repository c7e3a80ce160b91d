import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { type ErrorCode, errorCatalogue } from '../core/errors.ts';
import { TRANSFER_BUCKETS } from './metrics-buckets.ts';

export interface HttpMetrics {
  /** An answer; `route` is the pattern, null where there is none. */
  answered(answer: {
    readonly method: string;
    readonly route: string | null;
    readonly status: number;
    readonly seconds: number;
  }): void;
  /** An error answer on any surface. */
  failed(code: ErrorCode): void;
  called(tool: string, outcome: 'ok' | 'error' | 'cancelled'): void;
  /** Counts an event stream until what it returns is called. */
  streamOpened(): () => void;
  quotaRefused(limit: 'bytes' | 'files'): void;
  rateLimited(limit: 'user' | 'address'): void;
  graceUsed(): void;
  /** Tells when the grace for missing tokens ends. */
  graceEnds(at: Date): void;
}

/** Refusals of who asks rather than of what is asked. */
const isAuthRefusal = (code: ErrorCode): boolean =>
  errorCatalogue[code].type === 'authentication_error' || AUTH_REFUSALS.has(code);
const AUTH_REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'insufficient_scope',
  'origin_not_allowed',
  'host_not_allowed',
]);
/** Methods that are counted under their own name; a client may send others. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

export const createHttpMetrics = (registry: Registry): HttpMetrics => {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> =>
    new Counter({ name, help, labelNames, registers });
  const requests = counter('waybill_http_requests_total', 'Answers', ['method', 'route', 'status']);
  const durations = new Histogram({
    name: 'waybill_http_request_duration_seconds',
    help: 'Time until an answer was sent',
    labelNames: ['method', 'route'],
    buckets: [...TRANSFER_BUCKETS],
    registers,
  });
  const errors = counter('waybill_errors_total', 'Error answers on every surface', ['code']);
  const calls = counter('waybill_mcp_calls_total', 'Tool calls', ['tool', 'outcome']);
  const streams = new Gauge({
    name: 'waybill_event_streams',
    help: 'Clients that follow events now',
    registers,
  });
  const quota = counter('waybill_quota_refusals_total', 'Refused by a quota', ['limit']);
  const rate = counter('waybill_rate_limited_total', 'Refused by the rate limit', ['limit']);
  const auth = counter('waybill_auth_refusals_total', 'Refused for who asked', ['code']);
  const grace = counter('waybill_auth_grace_requests_total', 'Let in without a token', []);
  const graceEnd = new Gauge({
    name: 'waybill_auth_grace_ends_seconds',
    help: 'Unix time of the end of the grace for missing tokens',
    // Without a value until there is a grace.
    labelNames: ['none'],
    registers,
  });
  for (const limit of ['bytes', 'files']) quota.inc({ limit }, 0);
  for (const limit of ['user', 'address']) rate.inc({ limit }, 0);
  for (const code of ['invalid_token', 'token_expired', 'insufficient_scope']) auth.inc({ code }, 0);
  for (const code of Object.keys(errorCatalogue)) errors.inc({ code }, 0);
  return {
    answered: ({ method: given, route: pattern, status, seconds }) => {
      const method = METHODS.has(given) ? given : 'other';
      const route = pattern ?? 'none';
      requests.inc({ method, route, status });
      durations.observe({ method, route }, seconds);
    },
    failed: (code) => {
      errors.inc({ code });
      if (isAuthRefusal(code)) auth.inc({ code });
    },
    called: (tool, outcome) => calls.inc({ tool, outcome }),
    streamOpened: () => {
      streams.inc();
      return () => streams.dec();
    },
    quotaRefused: (limit) => quota.inc({ limit }),
    rateLimited: (limit) => rate.inc({ limit }),
    graceUsed: () => grace.inc(),
    graceEnds: (at) => graceEnd.set(at.getTime() / 1_000),
  };
};
