import { z } from 'zod';
import type { FilePage } from '../tracking/files.ts';
import { fileObject, toFileObject } from './file-object.ts';

/** One page of files, as OpenAI has it. */
export const fileList = z.object({
  object: z.literal('list'),
  data: z.array(fileObject),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
});

export type FileList = z.output<typeof fileList>;

/** For `retentionDays` see `toFileObject`. */
export const toFileList = ({ files, hasMore }: FilePage, retentionDays: number): FileList => {
  const data = files.map((file) => toFileObject(file, retentionDays));
  return {
    object: 'list',
    data,
    first_id: data.at(0)?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: hasMore,
  };
};
