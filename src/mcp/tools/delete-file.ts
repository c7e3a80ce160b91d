import { z } from 'zod';
import { defineTool } from '../tool.ts';

export const deleteFile = defineTool({
  name: 'delete_file',
  title: 'Delete file',
  description: 'Delete a file here and at every provider.',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
  scope: 'files:write',
  action: 'file.delete',
  input: z.strictObject({ id: z.string() }),
  output: z.object({ id: z.string(), deleted: z.literal(true), removed_from_providers: z.boolean() }),
  run: async ({ id }, { files, signal }) => {
    const { deleted, removed_from_providers } = await files.delete(id, { signal });
    const text = `${id} is deleted. Its copies at providers ${removed_from_providers ? 'are' : 'will be'} removed.`;
    return { structured: { id, deleted, removed_from_providers }, text };
  },
});
