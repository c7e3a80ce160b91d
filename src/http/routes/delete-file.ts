import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { abortOnClose } from '../connection.ts';
import { errorResponses } from '../error-envelope.ts';
import { fileParams } from '../file-params.ts';
import { parsePrefer } from '../prefer.ts';
import { ownerOf } from '../principals.ts';

const query = z.object({
  wait: z.enum(['true', 'false']).optional().describe('Answer when every provider has confirmed the removal'),
});

const deleted = z.object({
  id: z.string(),
  object: z.literal('file'),
  deleted: z.literal(true),
  removed_from_providers: z.boolean().describe('Whether every provider has confirmed that its copy is gone'),
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
        response: { 200: deleted, ...errorResponses },
      },
      config: { audit: 'file.delete' },
    },
    async (request, reply) => {
      const { id } = request.params;
      await pipeline.delete(ownerOf(request), id);
      const waitMs = request.query.wait === 'true' ? parsePrefer(request.headers.prefer).waitMs : 0;
      const isRemoved = await pipeline.awaitRemoval(id, { waitMs, signal: abortOnClose(reply) });
      return { id, object: 'file' as const, deleted: true as const, removed_from_providers: isRemoved };
    },
  );
};
