import { z } from 'zod';
import type { Quota } from '../pipeline/quotas.ts';

const share = z.object({
  limit: z.int().nullable().describe('Null: none'),
  used: z.int(),
  reserved: z.int().describe('For uploads that are not complete'),
});

/** What an owner may keep and keeps. */
export const quotaObject = z
  .object({ object: z.literal('quota'), owner: z.string(), bytes: share, files: share })
  .meta({ id: 'Quota' });

export type QuotaObject = z.output<typeof quotaObject>;

export const toQuotaObject = ({ owner, bytes, files }: Quota): QuotaObject => ({
  object: 'quota',
  owner,
  bytes: { ...bytes },
  files: { ...files },
});
