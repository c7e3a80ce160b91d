import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { GatewayError } from '../../core/errors.ts';
import { cleanFilename } from '../../core/filename.ts';
import type { Incoming } from '../../core/incoming.ts';
import { parseIdempotencyKey } from '../../ingest/idempotency-key.ts';
import { mediaTypeOf } from '../../ingest/media-type.ts';
import { readMultipart } from '../../ingest/multipart.ts';
import { parseUploadOptions } from '../../ingest/upload-options.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { answerUpload } from '../answer-upload.ts';
import { errorResponses } from '../error-envelope.ts';
import { fileObject } from '../file-object.ts';
import { rawUploadOptions, uploadQuery } from '../upload-query.ts';

/** `POST /v1/files`: OpenAI's upload, streamed. Options may be fields of the form, before or after the file, or query parameters. */
export const createFileRoute: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (app, { pipeline }) => {
  app.post(
    '/v1/files',
    {
      schema: {
        summary: 'Upload a file (multipart/form-data)',
        tags: ['Files'],
        querystring: uploadQuery,
        response: { 200: fileObject, 202: fileObject, ...errorResponses },
      },
      config: {
        body: {
          mediaType: 'multipart/form-data',
          schema: {
            type: 'object',
            required: ['file'],
            properties: {
              file: { type: 'string', format: 'binary' },
              purpose: { type: 'string' },
              provider: { type: 'string' },
              'expires_after[anchor]': { type: 'string' },
              'expires_after[seconds]': { type: 'string' },
            },
          },
        },
      },
    },
    async (request, reply) => {
      if (!/^multipart\/form-data\b/iu.test(request.headers['content-type'] ?? '')) {
        throw new GatewayError(
          'unsupported_media_type',
          'Send the file as multipart/form-data, or as a raw body with PUT /v1/files?filename=….',
        );
      }
      refuseHugeForm(request.headers['content-length'], pipeline.maxFileBytes);
      const {
        filename: rawName,
        declaredType,
        body,
        fields,
      } = await readMultipart({ headers: request.headers, stream: request.raw });
      const filename = cleanFilename(rawName);
      const options = () =>
        parseUploadOptions(rawUploadOptions({ ...request.query, ...fields }), pipeline.providers);
      const incoming: Incoming = {
        filename,
        mediaType: mediaTypeOf(declaredType, filename),
        idempotencyKey: parseIdempotencyKey(request.headers['idempotency-key']),
        sizeBytes: null,
        body,
        options: options(),
        finalOptions: options,
      };
      return answerUpload(pipeline, incoming, request, reply);
    },
  );
};

/** More than the fields and headers of any form that is read. */
const MAX_FORM_OVERHEAD_BYTES = 512 * 2 ** 10;

const refuseHugeForm = (contentLength: string | undefined, maxFileBytes: number): void => {
  if (contentLength === undefined || Number(contentLength) <= maxFileBytes + MAX_FORM_OVERHEAD_BYTES) return;
  const message = `The form has ${contentLength} bytes; files of at most ${maxFileBytes} are accepted.`;
  throw new GatewayError('file_too_large', message, { param: 'file' });
};
