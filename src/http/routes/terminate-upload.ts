import type { FastifyReply } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { errorResponses } from '../../api/error-envelope.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { UploadKey } from '../../pipeline/uploads.ts';
import { fileParams } from '../file-params.ts';
import { ownerOf } from '../principals.ts';

/** `DELETE /v1/tus/{id}`: gives an upload up; of a complete one, deletes the file. */
export const terminateUploadRoute: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (
  app,
  { pipeline },
) => {
  app.delete(
    '/v1/tus/:id',
    {
      schema: {
        summary: 'Give up a resumable upload (tus)',
        tags: ['Resumable uploads'],
        params: fileParams,
        response: { 204: z.null(), ...errorResponses },
      },
      config: { audit: 'upload.delete' },
    },
    async (request, reply) =>
      void (await terminateUpload(pipeline, { owner: ownerOf(request), id: request.params.id }, reply)),
  );
};

export const terminateUpload = async (
  pipeline: Pipeline,
  key: UploadKey,
  reply: FastifyReply,
): Promise<FastifyReply> => {
  await pipeline.uploads.remove(key);
  return reply.code(204).send();
};
