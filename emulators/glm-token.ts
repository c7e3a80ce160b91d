import { createHmac, timingSafeEqual } from 'node:crypto';
import { isRecord } from './settings.ts';

/**
 * The business code with which GLM refuses this Authorization header, null when it is good. Good are the key itself
 * and, for a key of the form `<id>.<secret>`, an HS256 JWT signed with the secret that carries `api_key` = id and
 * `exp` in milliseconds (z-ai-sdk-python).
 */
export const refusedToken = (authorization: string | undefined, apiKey: string): string | null => {
  if (authorization === undefined) return '1001';
  const token = authorization.replace(/^Bearer /, '');
  if (token === apiKey) return null;
  const payload = readJwt(token, apiKey);
  if (payload === null) return '1002';
  const { exp } = payload;
  return typeof exp === 'number' && exp > Date.now() ? null : '1003';
};

const readJwt = (token: string, apiKey: string): Record<string, unknown> | null => {
  const [id, secret] = apiKey.split('.');
  const [header, body, signature, ...more] = token.split('.');
  if (secret === undefined || body === undefined || signature === undefined || more.length > 0) return null;
  const expected = createHmac('sha256', secret).update(`${header}.${body}`).digest();
  const given = Buffer.from(signature, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
  try {
    const payload: unknown = JSON.parse(Buffer.from(body, 'base64url').toString());
    return isRecord(payload) && payload.api_key === id ? payload : null;
  } catch {
    return null;
  }
};
