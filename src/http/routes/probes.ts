import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { errorResponses } from '../../api/error-envelope.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';

const ok = z.object({ status: z.literal('ok') });

/** `/livez`: the process answers. `/readyz`: it can do its work, which needs the database. */
export const probeRoutes: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (app, { pipeline }) => {
  app.get(
    '/livez',
    { schema: { summary: 'Liveness', tags: ['Operation'], response: { 200: ok } } },
    async () => ({ status: 'ok' as const }),
  );
  app.get(
    '/readyz',
    { schema: { summary: 'Readiness', tags: ['Operation'], response: { 200: ok, ...errorResponses } } },
    async () => {
      await pipeline.check();
      return { status: 'ok' as const };
    },
  );
};
