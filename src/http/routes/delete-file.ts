import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { deletedFile, toDeletedFile } from '../../api/deleted-file.ts';
import { errorResponses } from '../../api/error-envelope.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { abortOnClose } from '../connection.ts';
import { fileParams } from '../file-params.ts';
import { parsePrefer } from '../prefer.ts';
import { ownerOf } from '../principals.ts';

const query = z.object({
  wait: z.enum(['true', 'false']).optional().describe('Answer when every provider has confirmed the removal'),
});

/** `DELETE /v1/files/{id}`: OpenAI's answer. The removal at the providers is durable and goes on in the background. */
export const deleteFileRoute: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (app, { pipeline }) => {
  app.delete(
    '/v1/files/:id',
    {
      schema: {
        summary: 'Delete a file',
        tags: ['Files'],
        params: fileParams,
        querystring: query,
        response: { 200: deletedFile, ...errorResponses },
      },
      config: { audit: 'file.delete' },
    },
    async (request, reply) => {
      const { id } = request.params;
      await pipeline.delete(ownerOf(request), id);
      const waitMs = request.query.wait === 'true' ? parsePrefer(request.headers.prefer).waitMs : 0;
      const isRemoved = await pipeline.awaitRemoval(id, { waitMs, signal: abortOnClose(reply) });
      return toDeletedFile(id, isRemoved);
    },
  );
};
