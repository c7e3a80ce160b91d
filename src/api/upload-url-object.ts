import { z } from 'zod';
import type { CreatedUploadUrl } from '../pipeline/upload-urls.ts';

/** An address that takes one file without a token. */
export const uploadUrlObject = z
  .object({
    object: z.literal('upload_url'),
    id: z.string(),
    url: z.string().describe('Whoever has it can send the file, once'),
    method: z.literal('PUT'),
    headers: z.record(z.string(), z.string()).describe('To send along'),
    expires_at: z.int().describe('Unix seconds'),
  })
  .meta({ id: 'UploadUrl' });

export type UploadUrlObject = z.output<typeof uploadUrlObject>;

/** `baseUrl` is the gateway's own address as its client knows it. */
export const toUploadUrlObject = ({ url, secret }: CreatedUploadUrl, baseUrl: string): UploadUrlObject => ({
  object: 'upload_url',
  id: url.id,
  url: `${baseUrl.replace(/\/+$/u, '')}/v1/upload-urls/${url.id}?signature=${secret}`,
  method: 'PUT',
  headers: url.mediaType === null ? {} : { 'content-type': url.mediaType },
  expires_at: Math.floor(url.expiresAt.getTime() / 1_000),
});
