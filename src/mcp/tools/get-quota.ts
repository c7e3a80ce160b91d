import { z } from 'zod';
import { defineTool } from '../tool.ts';

const share = z.object({ limit: z.number().nullable(), used: z.number(), reserved: z.number() });

export const getQuota = defineTool({
  name: 'get_quota',
  title: 'Get quota',
  description: 'What you may keep and keep.',
  annotations: { readOnlyHint: true, openWorldHint: false },
  scope: 'files:read',
  action: null,
  input: z.strictObject({}),
  output: z.object({ bytes: share, files: share }),
  run: async (_input, { files, signal }) => {
    const { bytes, files: count } = await files.quota({ signal });
    const line = (what: string, { limit, used, reserved }: z.output<typeof share>): string =>
      `${what}: ${used} used, ${reserved} reserved, ${limit === null ? 'no limit' : `of ${limit}`}`;
    return { structured: { bytes, files: count }, text: `${line('bytes', bytes)}\n${line('files', count)}` };
  },
});
