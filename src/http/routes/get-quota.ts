import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { errorResponses } from '../../api/error-envelope.ts';
import { quotaObject, toQuotaObject } from '../../api/quota-object.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { ownerOf } from '../principals.ts';

/** `GET /v1/quota`: what the caller may keep and keeps. */
export const getQuotaRoute: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (app, { pipeline }) => {
  app.get(
    '/v1/quota',
    {
      schema: {
        summary: 'Read your quota',
        tags: ['Quotas'],
        response: { 200: quotaObject, ...errorResponses },
      },
    },
    async (request) => toQuotaObject(await pipeline.quota(ownerOf(request))),
  );
};
