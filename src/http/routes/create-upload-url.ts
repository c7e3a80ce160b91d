import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { errorResponses } from '../../api/error-envelope.ts';
import { toUploadUrlObject, uploadUrlObject } from '../../api/upload-url-object.ts';
import { GatewayError } from '../../core/errors.ts';
import { cleanFilename } from '../../core/filename.ts';
import { mediaTypeOf, UNKNOWN_MEDIA_TYPE } from '../../ingest/media-type.ts';
import { parseUploadOptions } from '../../ingest/upload-options.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { noteFile } from '../audit.ts';
import { ownerOf } from '../principals.ts';

const DEFAULT_TTL_SECONDS = 900;

const body = z.strictObject({
  filename: z.string().describe('Name of the file'),
  bytes: z.int().positive().optional().describe('Takes exactly so many; default: any size that is accepted'),
  media_type: z.string().optional().describe('Takes this type only; default: what the upload says'),
  provider: z.string().optional().describe('`auto` (default), `none`, or provider names with commas between'),
  purpose: z.string().optional().describe('What the file is for; default `user_data`'),
  expires_after: z
    .strictObject({ anchor: z.string(), seconds: z.int() })
    .optional()
    .describe('Of the file: `{"anchor":"created_at","seconds":N}`, N from 3600 to 2592000'),
  ttl_seconds: z
    .int()
    .min(60)
    .max(3_600)
    .default(DEFAULT_TTL_SECONDS)
    .describe('How long the URL is good for; an upload that has begun may take longer'),
});

/** `POST /v1/upload-urls`: an address that takes one file without a token. */
export const createUploadUrlRoute: FastifyPluginAsyncZod<{
  pipeline: Pipeline;
  publicUrl: string | null;
}> = async (app, { pipeline, publicUrl }) => {
  app.post(
    '/v1/upload-urls',
    {
      schema: {
        summary: 'Get a URL that takes one file without a token',
        tags: ['Upload URLs'],
        body,
        response: { 201: uploadUrlObject, ...errorResponses },
      },
      config: { audit: 'upload_url.create' },
    },
    async (request, reply) => {
      const { filename, bytes, media_type, ttl_seconds, ...rest } = request.body;
      const name = cleanFilename(filename);
      const mediaType = media_type === undefined ? null : requiredType(media_type, name);
      const options = parseUploadOptions(
        {
          purpose: rest.purpose,
          provider: rest.provider,
          expiresAfterAnchor: rest.expires_after?.anchor,
          expiresAfterSeconds: rest.expires_after?.seconds.toString(),
        },
        pipeline.providers,
      );
      const created = await pipeline.uploadUrls.create({
        owner: ownerOf(request),
        filename: name,
        mediaType,
        sizeBytes: bytes ?? null,
        options,
        ttlMs: ttl_seconds * 1_000,
      });
      noteFile(request, created.url.id);
      const baseUrl = publicUrl ?? `${request.protocol}://${request.host}`;
      return reply.code(201).header('cache-control', 'no-store').send(toUploadUrlObject(created, baseUrl));
    },
  );
};

/** A type that says nothing cannot be demanded. */
const requiredType = (declared: string, filename: string): string => {
  const essence = declared.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (essence !== UNKNOWN_MEDIA_TYPE && mediaTypeOf(declared, filename) === essence) return essence;
  const message = 'The media_type must be that of a file, such as application/pdf; leave it out to take any.';
  throw new GatewayError('invalid_request', message, { param: 'media_type' });
};
