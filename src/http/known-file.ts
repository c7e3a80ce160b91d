import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import { cleanFilename } from '../core/filename.ts';
import type { UploadOptions } from '../core/incoming.ts';
import type { ProviderId } from '../core/provider.ts';
import { mediaTypeOf } from '../ingest/media-type.ts';
import { parseUploadOptions } from '../ingest/upload-options.ts';
import type { KnownFile } from '../pipeline/receive-known.ts';
import type { PathUpload } from '../pipeline/receive-path.ts';

const option = {
  media_type: z.string().optional().describe('Default: by the name'),
  purpose: z.string().optional().describe('What the file is for; default `user_data`'),
  provider: z.string().optional().describe('`auto` (default), `none`, or provider names with commas between'),
  expires_after: z
    .strictObject({ anchor: z.string(), seconds: z.number().int() })
    .optional()
    .describe('`{"anchor":"created_at","seconds":N}`, N from 3600 to 2592000'),
};
const bytesShape = z.strictObject({
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/iu, { error: 'must be 64 hexadecimal digits' })
    .describe('Of the bytes, in hexadecimal'),
  bytes: z.number().int().positive().describe('How many they are'),
  filename: z.string().describe('Name of the new file'),
  ...option,
});
const pathShape = z.strictObject({
  path: z.string().describe("Of a file on the gateway's own machine: absolute, POSIX or Windows"),
  filename: z.string().optional().describe('Name of the new file; default: the last of the path'),
  ...option,
});

/** The JSON body of `POST /v1/files`, as JSON Schema. */
export const knownFileSchema = z.toJSONSchema(z.union([bytesShape, pathShape]), { target: 'openapi-3.0' });

/** A file that need not be sent: its bytes are here as another file of its owner's, or on the gateway's disk. */
export type FileHere =
  | { readonly kind: 'bytes'; readonly known: Omit<KnownFile, 'owner'> }
  | { readonly kind: 'path'; readonly upload: Omit<PathUpload, 'idempotencyKey'> };

/** Reads that body. Rejects with `invalid_request`, or as the options do, naming the member. */
export const fileHere = (body: unknown, configured: readonly ProviderId[]): FileHere => {
  if (typeof body === 'object' && body !== null && 'path' in body) {
    const { path, filename, media_type: mediaType, ...raw } = parse(pathShape, body);
    return { kind: 'path', upload: { path, filename, mediaType, options: optionsOf(raw, configured) } };
  }
  const { sha256, bytes, filename: rawName, media_type, ...raw } = parse(bytesShape, body);
  const filename = cleanFilename(rawName);
  const mediaType = mediaTypeOf(media_type, filename);
  const options = optionsOf(raw, configured);
  return {
    kind: 'bytes',
    known: { sha256: sha256.toLowerCase(), sizeBytes: bytes, filename, mediaType, options },
  };
};

const parse = <Shape extends z.ZodType>(shape: Shape, body: unknown): z.output<Shape> => {
  const result = shape.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const param = issue?.path.join('.') || (issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined);
  const message = `The JSON is not valid: ${param ?? 'it'} ${issue?.message ?? 'is wrong'}.`;
  throw new GatewayError('invalid_request', message, { param });
};

const optionsOf = (
  { purpose, provider, expires_after }: z.output<z.ZodObject<Omit<typeof option, 'media_type'>>>,
  configured: readonly ProviderId[],
): UploadOptions =>
  parseUploadOptions(
    {
      purpose,
      provider,
      expiresAfterAnchor: expires_after?.anchor,
      expiresAfterSeconds: expires_after?.seconds.toString(),
    },
    configured,
  );
