import { z } from 'zod';
import type { UploadUrlObject } from '../../api/upload-url-object.ts';
import { defineTool } from '../tool.ts';

export const createUploadUrl = defineTool({
  name: 'create_upload_url',
  title: 'Create upload URL',
  description:
    'A URL that takes one file by PUT without a token, soon and once. Run its curl where the file is.',
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  scope: 'files:write',
  action: 'upload_url.create',
  input: z.strictObject({
    filename: z.string().min(1),
    bytes: z.int().positive().optional().describe('Exact size'),
    provider: z.string().optional(),
  }),
  output: z.object({
    url: z.string(),
    method: z.string(),
    headers: z.record(z.string(), z.string()),
    expires_at: z.number(),
    curl: z.string(),
  }),
  run: async ({ filename, bytes, provider }, { files, signal }) => {
    const made = await files.createUploadUrl({ filename, sizeBytes: bytes, provider, signal });
    const { id, url, method, headers, expires_at } = made;
    const curl = curlLine(made, filename);
    return { structured: { url, method, headers, expires_at, curl }, text: curl, fileId: id };
  },
});

/** For a POSIX shell. Without globbing, which curl does in names of files too. */
const curlLine = ({ url, headers }: UploadUrlObject, filename: string): string => {
  const fields = Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`);
  const path = filename.startsWith('-') ? `./${filename}` : filename;
  return ['curl -g', ...fields, '-T', quoted(path), quoted(url)].join(' ');
};

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
