import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { errorResponses } from '../error-envelope.ts';
import { ownerOf } from '../principals.ts';
import { quotaObject, toQuotaObject } from '../quota-object.ts';

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
