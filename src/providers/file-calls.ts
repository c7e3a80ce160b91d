import type { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import type { CallOptions, ProviderUpload } from '../core/provider.ts';
import type { HttpCall, HttpCaller } from './http-call.ts';
import { multipartBody } from './multipart-body.ts';

/** The upload that most providers have: a `POST` to `/files` of a form with `fields` and then the file. */
export const postForm = <T>(
  http: HttpCaller,
  fields: Readonly<Record<string, string>>,
  { filename, mediaType, sizeBytes, open, onProgress, signal }: ProviderUpload,
  shape: z.ZodType<T>,
): Promise<T> => {
  const body = multipartBody(fields, { field: 'file', filename, mediaType, sizeBytes, open });
  // The form's own bytes are sent too, but no progress of the file's.
  const onSent = onProgress && ((bytes: number) => onProgress(Math.min(bytes, sizeBytes)));
  return http.json({ method: 'POST', path: '/files', body, onSent, signal }, shape);
};

/** Deletes a file; one that the provider says it does not have is deleted (PRV-05). */
export const deleteFile = async (
  http: HttpCaller,
  file: Pick<HttpCall, 'path' | 'namesFile'>,
  { signal }: CallOptions,
  shape: z.ZodType,
): Promise<void> => {
  await http.json({ method: 'DELETE', ...file, signal }, shape).catch((error) => {
    if (error instanceof GatewayError && error.code === 'not_found') return;
    throw error;
  });
};
