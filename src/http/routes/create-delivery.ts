import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { errorResponses } from '../../api/error-envelope.ts';
import { fileObject, toFileObject } from '../../api/file-object.ts';
import { parseProvider, parsePurpose } from '../../ingest/upload-options.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { abortOnClose } from '../connection.ts';
import { fileParams } from '../file-params.ts';
import { parsePrefer } from '../prefer.ts';
import { ownerOf } from '../principals.ts';

const body = z.object({
  provider: z.string().describe('The provider to deliver to'),
  purpose: z.string().optional().describe('Default: the purpose of the upload'),
});

/** `POST /v1/files/{id}/deliveries`: deliver from the master copy, again or anew. Idempotent. */
export const createDeliveryRoute: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (
  app,
  { pipeline },
) => {
  app.post(
    '/v1/files/:id/deliveries',
    {
      schema: {
        summary: 'Deliver a file to a provider',
        tags: ['Deliveries'],
        params: fileParams,
        body,
        response: { 200: fileObject, 202: fileObject, ...errorResponses },
      },
      config: { audit: 'delivery.create' },
    },
    async (request, reply) => {
      const owner = ownerOf(request);
      const signal = abortOnClose(reply);
      const { id: fileId } = request.params;
      const purpose = request.body.purpose === undefined ? undefined : parsePurpose(request.body.purpose);
      await pipeline.deliver({
        owner,
        fileId,
        provider: parseProvider(request.body.provider, pipeline.providers),
        purpose,
      });
      const { respondAsync, waitMs } = parsePrefer(request.headers.prefer);
      if (respondAsync) reply.code(202).header('preference-applied', 'respond-async');
      const found = await pipeline.find(owner, fileId, { waitMs: respondAsync ? 0 : waitMs, signal });
      return toFileObject(found, pipeline.retentionDays);
    },
  );
};
