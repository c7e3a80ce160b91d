import { z } from 'zod';

/** OpenAI's answer to a deletion, with how far it has come. */
export const deletedFile = z.object({
  id: z.string(),
  object: z.literal('file'),
  deleted: z.literal(true),
  removed_from_providers: z.boolean().describe('Whether every provider has confirmed that its copy is gone'),
});

export type DeletedFile = z.output<typeof deletedFile>;

export const toDeletedFile = (id: string, isRemoved: boolean): DeletedFile => ({
  id,
  object: 'file',
  deleted: true,
  removed_from_providers: isRemoved,
});
