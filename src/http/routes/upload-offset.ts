import type { FastifyReply } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { UploadKey } from '../../pipeline/uploads.ts';
import { fileParams } from '../file-params.ts';
import { ownerOf } from '../principals.ts';
import { tellDescription, tellOffset } from '../tus-state.ts';

/** `HEAD /v1/tus/{id}`: how far an upload has come. Asked by who sends, so it wants the scope for that. */
export const uploadOffsetRoute: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (app, { pipeline }) => {
  app.head(
    '/v1/tus/:id',
    {
      schema: {
        summary: 'Ask how far a resumable upload has come (tus)',
        description: 'Answers in `Upload-Offset`; a request that still sends to the upload is ended first.',
        tags: ['Resumable uploads'],
        params: fileParams,
        response: { 200: z.null() },
      },
      // Other routes answer HEAD because they answer GET, and are described once.
      config: { scope: 'files:write', swagger: { exposeHeadRoute: true } },
    },
    async (request, reply) =>
      void (await answerOffset(pipeline, { owner: ownerOf(request), id: request.params.id }, reply)),
  );
};

export const answerOffset = async (
  pipeline: Pipeline,
  key: UploadKey,
  reply: FastifyReply,
): Promise<FastifyReply> => {
  const state = await pipeline.uploads.find(key);
  return tellDescription(tellOffset(reply, state), state).send();
};
