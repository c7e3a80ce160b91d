import { GatewayError } from '../core/errors.ts';

const KEY = /^[\x21-\x7e]{1,255}$/u;

/** The key of an `Idempotency-Key` header, or null. Rejects one that is too long or not plain ASCII. */
export const parseIdempotencyKey = (header: string | string[] | undefined): string | null => {
  if (header === undefined) return null;
  if (typeof header === 'string' && KEY.test(header)) return header;
  throw new GatewayError(
    'invalid_request',
    'The Idempotency-Key must be 1 to 255 ASCII characters without blanks.',
    {
      param: 'Idempotency-Key',
    },
  );
};
