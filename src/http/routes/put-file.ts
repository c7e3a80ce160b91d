import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { errorResponses } from '../../api/error-envelope.ts';
import { fileObject } from '../../api/file-object.ts';
import { GatewayError } from '../../core/errors.ts';
import { cleanFilename } from '../../core/filename.ts';
import type { Incoming } from '../../core/incoming.ts';
import { parseIdempotencyKey } from '../../ingest/idempotency-key.ts';
import { mediaTypeOf } from '../../ingest/media-type.ts';
import { readRawBody } from '../../ingest/raw-body.ts';
import { parseUploadOptions } from '../../ingest/upload-options.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { answerUpload } from '../answer-upload.ts';
import { rawUploadOptions, uploadQuery } from '../upload-query.ts';

/** `PUT /v1/files?filename=…`: the raw body is the file. */
export const putFileRoute: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (app, { pipeline }) => {
  app.put(
    '/v1/files',
    {
      schema: {
        summary: 'Upload a file (raw body)',
        tags: ['Files'],
        querystring: uploadQuery.extend({ filename: z.string().describe('The name of the file') }),
        response: { 200: fileObject, 202: fileObject, ...errorResponses },
      },
      config: {
        audit: 'file.create',
        body: { 'application/octet-stream': { type: 'string', format: 'binary' } },
      },
    },
    async (request, reply) => {
      const { headers, query, raw } = request;
      if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') {
        throw new GatewayError(
          'unsupported_media_type',
          'Send the file without a Content-Encoding; its bytes are kept as they come.',
        );
      }
      const filename = cleanFilename(query.filename);
      const options = parseUploadOptions(rawUploadOptions(query), pipeline.providers);
      const announced = headers['content-length'];
      const incoming: Incoming = {
        via: 'raw',
        filename,
        mediaType: mediaTypeOf(headers['content-type'], filename),
        idempotencyKey: parseIdempotencyKey(headers['idempotency-key']),
        sizeBytes: announced === undefined ? null : Number(announced),
        body: readRawBody(raw),
        options,
        finalOptions: () => options,
      };
      return answerUpload(pipeline, (owner) => pipeline.receive(owner, incoming), request, reply);
    },
  );
};
