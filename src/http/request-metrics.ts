import type { FastifyInstance } from 'fastify';
import type { HttpMetrics } from '../platform/metrics-http.ts';
import { refusalOf } from './audit.ts';

/** Counts every answer of routes registered after this, and what the refused ones were refused for. */
export const countAnswers = (app: FastifyInstance, metrics: HttpMetrics): void => {
  app.addHook('onResponse', async ({ raw, method, routeOptions }, { statusCode, elapsedTime }) => {
    const route = routeOptions.url ?? null;
    metrics.answered({ method, route, status: statusCode, seconds: elapsedTime / 1_000 });
    const code = refusalOf(raw);
    if (code !== undefined) metrics.failed(code);
  });
};
