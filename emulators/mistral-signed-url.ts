import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Call } from './dialect.ts';

const HOUR_MS = 3_600_000;

/** A URL that gives the file's content to whoever has it, for that many hours. */
export const signedUrl = ({ request, url, id }: Call, apiKey: string, hours: number): string => {
  const expires = String(Date.now() + hours * HOUR_MS);
  const path = url.pathname.replace(/\/url$/, '/content');
  const query = new URLSearchParams({ expires, signature: sign(id ?? '', expires, apiKey) });
  return `http://${request.headers.host}${path}?${query}`;
};

/** Whether the call is for a file's content by a signed URL that is still good. */
export const isSigned = ({ url, id }: Call, apiKey: string): boolean => {
  const expires = url.searchParams.get('expires') ?? '';
  const given = Buffer.from(url.searchParams.get('signature') ?? '');
  const right = Buffer.from(sign(id ?? '', expires, apiKey));
  if (given.length !== right.length || !timingSafeEqual(given, right)) return false;
  return url.pathname.endsWith('/content') && Number(expires) > Date.now();
};

const sign = (id: string, expires: string, apiKey: string): string =>
  createHmac('sha256', apiKey).update(`${id} ${expires}`).digest('hex');
