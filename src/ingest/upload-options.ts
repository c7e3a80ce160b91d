import { GatewayError } from '../core/errors.ts';
import type { Destination, UploadOptions } from '../core/incoming.ts';
import { isProviderId, type ProviderId } from '../core/provider.ts';
import { DEFAULT_PURPOSE, type Purpose, purposes } from '../core/purpose.ts';

/** The options of an upload as a client writes them, in form fields, query parameters or metadata. */
export interface RawUploadOptions {
  readonly purpose?: string | undefined;
  readonly provider?: string | undefined;
  readonly expiresAfterAnchor?: string | undefined;
  readonly expiresAfterSeconds?: string | undefined;
}

const MIN_EXPIRY_SECONDS = 3_600;
const MAX_EXPIRY_SECONDS = 2_592_000;

/** Checks options. Rejects with `invalid_purpose`, `unknown_provider` or `invalid_request`, naming what is allowed. */
export const parseUploadOptions = (
  raw: RawUploadOptions,
  configured: readonly ProviderId[],
): UploadOptions => ({
  purpose: parsePurpose(raw.purpose),
  destination: parseDestination(raw.provider, configured),
  expiresAfterMs: parseExpiry(raw),
});

export const parsePurpose = (purpose: string = DEFAULT_PURPOSE): Purpose => {
  const known = purposes.find((name) => name === purpose);
  if (known !== undefined) return known;
  throw new GatewayError(
    'invalid_purpose',
    `The purpose ${quoted(purpose)} is not known; use one of ${purposes.join(', ')}.`,
    {
      param: 'purpose',
    },
  );
};

export const parseProvider = (name: string, configured: readonly ProviderId[]): ProviderId => {
  if (isProviderId(name) && configured.includes(name)) return name;
  const known = configured.length === 0 ? 'none is configured' : `configured are ${configured.join(', ')}`;
  throw new GatewayError('unknown_provider', `The provider ${quoted(name)} is not available; ${known}.`, {
    param: 'provider',
  });
};

const parseDestination = (provider: string = 'auto', configured: readonly ProviderId[]): Destination => {
  if (provider === 'auto') return { kind: 'auto' };
  if (provider === 'none') return { kind: 'named', providers: [] };
  const names = provider.split(',').map((name) => name.trim());
  return { kind: 'named', providers: [...new Set(names.map((name) => parseProvider(name, configured)))] };
};

/** OpenAI's `expires_after`: an anchor, which can only be the creation, and seconds from an hour to 30 days. */
const parseExpiry = ({
  expiresAfterAnchor: anchor,
  expiresAfterSeconds: seconds,
}: RawUploadOptions): number | null => {
  if (anchor === undefined && seconds === undefined) return null;
  const isValid =
    anchor === 'created_at' &&
    seconds !== undefined &&
    /^\d{1,9}$/u.test(seconds) &&
    Number(seconds) >= MIN_EXPIRY_SECONDS &&
    Number(seconds) <= MAX_EXPIRY_SECONDS;
  if (isValid) return Number(seconds) * 1_000;
  throw new GatewayError(
    'invalid_request',
    `expires_after needs anchor "created_at" and seconds from ${MIN_EXPIRY_SECONDS} to ${MAX_EXPIRY_SECONDS}.`,
    { param: 'expires_after' },
  );
};

const quoted = (value: string): string => JSON.stringify(value.slice(0, 80));
