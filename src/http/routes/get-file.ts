import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { errorResponses } from '../error-envelope.ts';
import { fileObject, toFileObject } from '../file-object.ts';
import { fileParams } from '../file-params.ts';
import { ownerOf } from '../principals.ts';

/** `GET /v1/files/{id}` */
export const getFileRoute: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (app, { pipeline }) => {
  app.get(
    '/v1/files/:id',
    {
      schema: {
        summary: 'Read a file',
        tags: ['Files'],
        params: fileParams,
        response: { 200: fileObject, ...errorResponses },
      },
    },
    async (request) => toFileObject(await pipeline.find(ownerOf(request), request.params.id)),
  );
};
