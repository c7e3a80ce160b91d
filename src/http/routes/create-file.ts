import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { errorResponses } from '../../api/error-envelope.ts';
import { fileObject } from '../../api/file-object.ts';
import { GatewayError } from '../../core/errors.ts';
import { cleanFilename } from '../../core/filename.ts';
import type { Incoming } from '../../core/incoming.ts';
import { parseIdempotencyKey } from '../../ingest/idempotency-key.ts';
import { mediaTypeOf } from '../../ingest/media-type.ts';
import { readMultipart } from '../../ingest/multipart.ts';
import { parseUploadOptions } from '../../ingest/upload-options.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { answerUpload } from '../answer-upload.ts';
import { fileHere, knownFileSchema } from '../known-file.ts';
import { readJson } from '../read-json.ts';
import { rawUploadOptions, uploadQuery } from '../upload-query.ts';

/**
 * `POST /v1/files`: OpenAI's upload, streamed. Options may be fields of the form, before or after the file, or query
 * parameters. With JSON instead of a form, a file that need not be sent: bytes that the owner has here already, by their
 * digest, or a file on the gateway's own disk, by its path.
 */
export const createFileRoute: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (app, { pipeline }) => {
  app.post(
    '/v1/files',
    {
      schema: {
        summary: 'Upload a file (multipart/form-data), or name one that is here (JSON)',
        tags: ['Files'],
        querystring: uploadQuery,
        response: { 200: fileObject, 202: fileObject, ...errorResponses },
      },
      config: {
        audit: 'file.create',
        body: {
          'multipart/form-data': {
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
          'application/json': knownFileSchema,
        },
      },
    },
    async (request, reply) => {
      const contentType = request.headers['content-type'] ?? '';
      if (/^application\/json\b/iu.test(contentType)) {
        const here = fileHere(await readJson(request.raw), pipeline.providers);
        const receive = (owner: string) =>
          here.kind === 'path'
            ? pipeline.receivePath(owner, {
                ...here.upload,
                idempotencyKey: parseIdempotencyKey(request.headers['idempotency-key']),
              })
            : pipeline.receiveKnown({ ...here.known, owner });
        return answerUpload(pipeline, receive, request, reply);
      }
      if (!/^multipart\/form-data\b/iu.test(contentType)) {
        throw new GatewayError(
          'unsupported_media_type',
          'Send the file as multipart/form-data, as a raw body with PUT /v1/files?filename=…, or its digest or path as application/json.',
        );
      }
      refuseHugeForm(request.headers['content-length'], pipeline.maxFileBytes);
      const {
        filename: rawName,
        declaredType,
        body,
        fields,
        likelySizeBytes,
      } = await readMultipart({ headers: request.headers, stream: request.raw });
      const filename = cleanFilename(rawName);
      const options = () =>
        parseUploadOptions(rawUploadOptions({ ...request.query, ...fields }), pipeline.providers);
      const incoming: Incoming = {
        via: 'form',
        filename,
        mediaType: mediaTypeOf(declaredType, filename),
        idempotencyKey: parseIdempotencyKey(request.headers['idempotency-key']),
        sizeBytes: null,
        likelySizeBytes,
        body,
        options: options(),
        finalOptions: options,
      };
      return answerUpload(pipeline, (owner) => pipeline.receive(owner, incoming), request, reply);
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
