import { z } from 'zod';
import type { RawUploadOptions } from '../ingest/upload-options.ts';

/** The options of an upload as query parameters, so that they are known before the bytes. */
export const uploadQuery = z.object({
  purpose: z.string().optional().describe('What the file is for; default `user_data`'),
  provider: z.string().optional().describe('`auto` (default), `none`, or provider names with commas between'),
  'expires_after[anchor]': z.string().optional().describe('`created_at`'),
  'expires_after[seconds]': z.string().optional().describe('From 3600 to 2592000'),
});

/** Reads options from query parameters or form fields; the names are the same. */
export const rawUploadOptions = (values: Readonly<Record<string, string | undefined>>): RawUploadOptions => ({
  purpose: values.purpose,
  provider: values.provider,
  expiresAfterAnchor: values['expires_after[anchor]'],
  expiresAfterSeconds: values['expires_after[seconds]'],
});
