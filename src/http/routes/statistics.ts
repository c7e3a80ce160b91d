import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { errorResponses } from '../../api/error-envelope.ts';
import { statisticsObject, statisticsRanges, toStatisticsObject } from '../../api/statistics-object.ts';
import type { StatisticsKeeper } from '../../pipeline/statistics.ts';

const querystring = z.object({
  range: z.enum(statisticsRanges).default('1h').describe('How far back'),
});

/** `GET /v1/statistics`: what this instance has counted in the last hours, for those with the scope `admin`. */
export const statisticsRoute: FastifyPluginAsyncZod<{ statistics: StatisticsKeeper }> = async (
  app,
  { statistics },
) => {
  app.get(
    '/v1/statistics',
    {
      schema: {
        summary: 'Read what the gateway has counted lately',
        tags: ['Operation'],
        querystring,
        response: { 200: statisticsObject, ...errorResponses },
      },
      config: { scope: 'admin' },
    },
    async ({ query: { range } }) => toStatisticsObject(await statistics.read(range)),
  );
};
