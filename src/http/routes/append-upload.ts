import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { errorResponses } from '../../api/error-envelope.ts';
import { parseToldLength, parseUploadOffset } from '../../ingest/tus-headers.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { fileParams } from '../file-params.ts';
import { ownerOf } from '../principals.ts';
import { pieceBody, readPiece, requirePieceType } from '../tus-protocol.ts';
import { tellOffset } from '../tus-state.ts';

/** `PATCH /v1/tus/{id}`: the next piece of a file. Answers once it is durable, for the last once the file is recorded. */
export const appendUploadRoute: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (app, { pipeline }) => {
  app.patch(
    '/v1/tus/:id',
    {
      schema: {
        summary: 'Go on with a resumable upload (tus)',
        description:
          'Wants `Upload-Offset`, what `HEAD` said; takes `Upload-Checksum`. As much of the body as arrives is kept.',
        tags: ['Resumable uploads'],
        params: fileParams,
        response: { 204: z.null(), ...errorResponses },
      },
      config: { audit: 'upload.append', body: pieceBody },
    },
    async (request, reply) => void (await appendPiece(pipeline, request.params.id, request, reply)),
  );
};

export const appendPiece = async (
  pipeline: Pipeline,
  id: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> => {
  const { headers } = request;
  requirePieceType(headers);
  const piece = readPiece(request);
  const state = await pipeline.uploads.append(
    { owner: ownerOf(request), id },
    {
      offsetBytes: parseUploadOffset(headers['upload-offset']),
      lengthBytes: parseToldLength(headers['upload-length']),
      body: piece?.body ?? nothing(),
      isAllOrNothing: piece?.isVerified ?? false,
    },
  );
  return tellOffset(reply, state).code(204).send();
};

async function* nothing(): AsyncGenerator<Buffer> {
  // A request without a body may still tell the length, or ask whether everything is there.
}
