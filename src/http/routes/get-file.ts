import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { errorResponses } from '../../api/error-envelope.ts';
import { fileObject, toFileObject } from '../../api/file-object.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
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
    async (request) =>
      toFileObject(await pipeline.find(ownerOf(request), request.params.id), pipeline.retentionDays),
  );
};
