import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { errorResponses } from '../../api/error-envelope.ts';
import { fileObject } from '../../api/file-object.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Incoming } from '../../core/incoming.ts';
import { mediaTypeOf, UNKNOWN_MEDIA_TYPE } from '../../ingest/media-type.ts';
import { readRawBody } from '../../ingest/raw-body.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { answerReceived } from '../answer-upload.ts';
import { noteOwner } from '../audit.ts';

type UploadUrl = Awaited<ReturnType<Pipeline['uploadUrls']['admit']>>;

const querystring = z.object({
  signature: z.string().optional().describe('As in the URL that was given out'),
});

/** `PUT /v1/upload-urls/{id}?signature=…`: the raw body is the file of whoever asked for the URL. Needs no token, looks at none. */
export const putByUploadUrlRoute: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (
  app,
  { pipeline },
) => {
  const admitted = new WeakMap<FastifyRequest, UploadUrl>();
  app.put(
    '/v1/upload-urls/:id',
    {
      schema: {
        summary: 'Upload a file to a URL that was given out (raw body)',
        tags: ['Upload URLs'],
        security: [],
        params: z.object({ id: z.string() }),
        querystring,
        response: { 200: fileObject, 202: fileObject, ...errorResponses },
      },
      config: {
        audit: 'upload_url.use',
        body: { 'application/octet-stream': { type: 'string', format: 'binary' } },
      },
      // Before the client is told to go on, and before anything is validated that would tell more of one id than of another.
      onRequest: async (request, reply) => {
        reply.header('cache-control', 'no-store');
        const { id } = request.params as { id: string };
        const { signature } = request.query as { signature?: unknown };
        const url = await pipeline.uploadUrls.admit(id, typeof signature === 'string' ? signature : '');
        noteOwner(request, url.owner);
        refuseAnnounced(url, request.headers);
        admitted.set(request, url);
      },
    },
    async (request, reply) => {
      const url = admitted.get(request);
      if (url === undefined) throw new Error('This request was not admitted.');
      const receive = () => pipeline.uploadUrls.receive(url, incoming(url, request));
      return answerReceived(pipeline, receive, request, reply);
    },
  );
};

/** What is wrong with an upload by its headers. */
const refuseAnnounced = ({ sizeBytes, mediaType }: UploadUrl, headers: FastifyRequest['headers']): void => {
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    const message = 'Send the file without a Content-Encoding; its bytes are kept as they come.';
    throw new GatewayError('unsupported_media_type', message);
  }
  const announced = headers['content-length'];
  if (sizeBytes !== null && announced !== undefined && Number(announced) !== sizeBytes) {
    const isMore = Number(announced) > sizeBytes;
    const message = `This upload URL takes a file of ${sizeBytes} bytes, not of ${announced}.`;
    throw new GatewayError(isMore ? 'file_too_large' : 'invalid_request', message, {
      param: 'Content-Length',
    });
  }
  const declared = mediaTypeOf(headers['content-type'], '');
  if (mediaType === null || declared === UNKNOWN_MEDIA_TYPE || declared === mediaType) return;
  const message = `This upload URL takes a file of the type ${mediaType}; send that Content-Type, or none.`;
  throw new GatewayError('unsupported_media_type', message, { param: 'Content-Type' });
};

const incoming = (
  { filename, mediaType, sizeBytes, options }: UploadUrl,
  { headers, raw }: FastifyRequest,
): Incoming => {
  const announced = headers['content-length'];
  const body = readRawBody(raw);
  return {
    via: 'url',
    filename,
    mediaType: mediaType ?? mediaTypeOf(headers['content-type'], filename),
    idempotencyKey: null,
    sizeBytes: sizeBytes ?? (announced === undefined ? null : Number(announced)),
    body: sizeBytes === null ? body : atMost(body, sizeBytes),
    options,
    finalOptions: () => options,
  };
};

/** Rejects at the first byte too many, which a body without a length can have. */
async function* atMost(body: AsyncIterable<Buffer>, sizeBytes: number): AsyncGenerator<Buffer> {
  let seenBytes = 0;
  for await (const chunk of body) {
    seenBytes += chunk.length;
    if (seenBytes > sizeBytes) {
      const message = `This upload URL takes a file of ${sizeBytes} bytes; more came.`;
      throw new GatewayError('file_too_large', message, { param: 'file' });
    }
    yield chunk;
  }
}
