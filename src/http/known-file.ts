import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import { cleanFilename } from '../core/filename.ts';
import type { ProviderId } from '../core/provider.ts';
import { mediaTypeOf } from '../ingest/media-type.ts';
import { parseUploadOptions } from '../ingest/upload-options.ts';
import type { KnownFile } from '../pipeline/receive-known.ts';

const shape = z.strictObject({
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/iu, { error: 'must be 64 hexadecimal digits' })
    .describe('Of the bytes, in hexadecimal'),
  bytes: z.number().int().positive().describe('How many they are'),
  filename: z.string().describe('Name of the new file'),
  media_type: z.string().optional().describe('Default: by the name'),
  purpose: z.string().optional().describe('What the file is for; default `user_data`'),
  provider: z.string().optional().describe('`auto` (default), `none`, or provider names with commas between'),
  expires_after: z
    .strictObject({ anchor: z.string(), seconds: z.number().int() })
    .optional()
    .describe('`{"anchor":"created_at","seconds":N}`, N from 3600 to 2592000'),
});

/** The JSON body of `POST /v1/files`, as JSON Schema. */
export const knownFileSchema = z.toJSONSchema(shape, { target: 'openapi-3.0' });

/** Reads that body. Rejects with `invalid_request`, or as the options do, naming the member. */
export const knownFile = (body: unknown, configured: readonly ProviderId[]): Omit<KnownFile, 'owner'> => {
  const result = shape.safeParse(body);
  if (!result.success) {
    const [issue] = result.error.issues;
    const param = issue?.path.join('.') || (issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined);
    const message = `The JSON is not valid: ${param ?? 'it'} ${issue?.message ?? 'is wrong'}.`;
    throw new GatewayError('invalid_request', message, { param });
  }
  const { sha256, bytes, filename: rawName, media_type, purpose, provider, expires_after } = result.data;
  const filename = cleanFilename(rawName);
  return {
    sha256: sha256.toLowerCase(),
    sizeBytes: bytes,
    filename,
    mediaType: mediaTypeOf(media_type, filename),
    options: parseUploadOptions(
      {
        purpose,
        provider,
        expiresAfterAnchor: expires_after?.anchor,
        expiresAfterSeconds: expires_after?.seconds.toString(),
      },
      configured,
    ),
  };
};
