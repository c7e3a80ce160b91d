import { z } from 'zod';
import { DEFAULT_TEXT_BYTES, MAX_TEXT_BYTES, readText } from '../read-text.ts';
import { defineTool } from '../tool.ts';

export const readFileContent = defineTool({
  name: 'read_file_content',
  title: 'Read file text',
  description:
    'The text of a file, as a provider extracted it or of a text file itself. Offsets are in bytes.',
  annotations: { readOnlyHint: true, openWorldHint: true },
  scope: 'files:read',
  action: 'file.read_content',
  input: z.strictObject({
    id: z.string(),
    provider: z.string().optional().describe('Whose text; default: any'),
    offset: z.int().min(0).default(0),
    limit: z.int().min(1).max(MAX_TEXT_BYTES).default(DEFAULT_TEXT_BYTES),
  }),
  output: z.object({
    text: z.string(),
    offset: z.number(),
    next_offset: z.number().nullable(),
    total_bytes: z.number().nullable(),
    from: z.string(),
  }),
  run: async ({ id, provider, offset, limit }, { files, signal }) => {
    const part = await readText(files, { id, provider, offset, limit, signal });
    return {
      structured: {
        text: part.text,
        offset: part.offset,
        next_offset: part.nextOffset,
        total_bytes: part.totalBytes,
        from: part.from,
      },
      text: part.text,
    };
  },
});
