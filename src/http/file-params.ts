import { z } from 'zod';

/** Any text: an id of the wrong form is one that is not found. NUL alone is kept from Postgres, which refuses it. */
export const fileParams = z.object({
  id: z
    .string()
    .transform((id) => id.replaceAll('\0', ''))
    .describe('The id of the file'),
});
