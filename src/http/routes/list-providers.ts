import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { errorResponses } from '../../api/error-envelope.ts';
import { providerList, toProviderObject } from '../../api/provider-object.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';

/** `GET /v1/providers`: what each provider that is on takes, and how much of it is used. */
export const listProvidersRoute: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (
  app,
  { pipeline },
) => {
  app.get(
    '/v1/providers',
    {
      schema: {
        summary: 'List providers',
        tags: ['Providers'],
        response: {
          200: providerList,
          ...errorResponses,
        },
      },
    },
    async () => ({
      object: 'list' as const,
      data: (await pipeline.describeProviders()).map(toProviderObject),
    }),
  );
};
