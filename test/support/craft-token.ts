import { createHmac } from 'node:crypto';

export const SECRET = 'a secret of more than thirty-two bytes, for these tests';
export const now = (): number => Math.floor(Date.now() / 1_000);

export type Json = Record<string, unknown>;
export const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** The claims of a good token, which `overrides` change; undefined leaves a claim out. */
export const claims = (overrides: Json = {}): Json => ({ sub: 'user-1', exp: now() + 3_600, ...overrides });

interface Craft {
  readonly header?: unknown;
  readonly payload?: unknown;
  readonly key?: string | Buffer;
  readonly hash?: string;
}

/** A token made without the library that checks it. Payload and header that are strings go in as they are. */
export const craft = ({
  header = { alg: 'HS256', typ: 'JWT' },
  payload = claims(),
  key = SECRET,
  hash = 'sha256',
}: Craft = {}): string => {
  const signed = `${encode(header)}.${encode(payload)}`;
  return `${signed}.${createHmac(hash, key).update(signed).digest('base64url')}`;
};
