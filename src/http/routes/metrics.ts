import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyPluginAsync } from 'fastify';
import { GatewayError } from '../../core/errors.ts';
import type { ReadRecord } from '../../pipeline/record-reading.ts';
import { METRICS_TYPE, type Metrics } from '../../platform/metrics.ts';
import { authorizationOf } from '../authentication.ts';

export interface MetricsRouteOptions {
  readonly metrics: Metrics;
  readonly readRecord: ReadRecord;
  /** What a scraper has to bring; null: nothing. */
  readonly token: string | null;
}

/** `GET /metrics`: what is counted, for Prometheus. No user's token is of any use here. */
export const metricsRoute: FastifyPluginAsync<MetricsRouteOptions> = async (
  app,
  { metrics, readRecord, token },
) => {
  app.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    if (token !== null && !isSame(authorizationOf(request.raw) ?? '', `Bearer ${token}`))
      throw new GatewayError('invalid_token', 'These figures need the token that METRICS_TOKEN says.');
    metrics.record.show(await readRecord());
    return reply
      .type(METRICS_TYPE)
      .header('cache-control', 'no-store')
      .send(await metrics.text());
  });
};

/** Takes as long whatever they have in common. */
const isSame = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other));
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
