import { z } from 'zod';
import { defineTool } from '../tool.ts';
import { describeFile, linkTo, toolFile, toToolFile } from '../tool-file.ts';

export const getFile = defineTool({
  name: 'get_file',
  title: 'Get file',
  description: 'A file and how its deliveries stand.',
  annotations: { readOnlyHint: true, openWorldHint: false },
  scope: 'files:read',
  action: null,
  input: z.strictObject({ id: z.string() }),
  output: toolFile,
  run: async ({ id }, { files, signal }) => {
    const file = await files.settled(id, { waitMs: 0, signal });
    return { structured: toToolFile(file), text: describeFile(file), links: [linkTo(file)] };
  },
});
