import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { noteAction } from '../audit.ts';
import { fileParams } from '../file-params.ts';
import { ownerOf } from '../principals.ts';
import { appendPiece } from './append-upload.ts';
import { terminateUpload } from './terminate-upload.ts';
import { answerOffset } from './upload-offset.ts';

/** `POST /v1/tus/{id}` with `X-HTTP-Method-Override`: for clients that cannot send the method they mean. */
export const overriddenMethodRoute: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (
  app,
  { pipeline },
) => {
  app.post('/v1/tus/:id', { schema: { hide: true, params: fileParams } }, async (request, reply) => {
    const { id } = request.params;
    const key = { owner: ownerOf(request), id };
    switch (request.headers['x-http-method-override']?.toString().toUpperCase()) {
      case 'PATCH':
        noteAction(request, 'upload.append');
        return await appendPiece(pipeline, id, request, reply);
      case 'HEAD':
        return await answerOffset(pipeline, key, reply);
      case 'DELETE':
        noteAction(request, 'upload.delete');
        return await terminateUpload(pipeline, key, reply);
      default:
        return reply.callNotFound();
    }
  });
};
