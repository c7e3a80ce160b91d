import { z } from 'zod';
import { defineTool } from '../tool.ts';
import { describeFile, toolFile, toToolFile } from '../tool-file.ts';

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

/** Postgres refuses a NUL in any text. */
const text = (maxCharacters: number) =>
  z
    .string()
    .max(maxCharacters)
    .refine((value) => !value.includes('\0'), { error: 'must not contain NUL' });

export const listFiles = defineTool({
  name: 'list_files',
  title: 'List files',
  description: 'Your files, newest first.',
  annotations: { readOnlyHint: true, openWorldHint: false },
  scope: 'files:read',
  action: null,
  input: z.strictObject({
    limit: z.int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT),
    after: text(100).optional().describe('next_after of the page before'),
    q: text(255).optional().describe('Part of the name'),
    provider: text(100).optional(),
    status: z.enum(['uploaded', 'processed', 'error']).optional(),
  }),
  output: z.object({ files: z.array(toolFile), next_after: z.string().optional() }),
  run: async (query, { files, signal }) => {
    const { limit, after, q, provider, status } = query;
    const { data, has_more, last_id } = await files.list({ limit, after, q, provider, status, signal });
    const lines = data.map(describeFile);
    if (data.length === 0) lines.push('There are no such files.');
    if (has_more) lines.push(`There are more: after=${last_id}`);
    const next = has_more && last_id !== null ? { next_after: last_id } : {};
    return { structured: { files: data.map(toToolFile), ...next }, text: lines.join('\n') };
  },
});
