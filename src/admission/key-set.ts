import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWTVerifyGetKey,
} from 'jose';
import { Agent, fetch } from 'undici';
import { GatewayError } from '../core/errors.ts';

/** The public keys of an identity provider (RFC 7517), fetched from the one configured address as they are needed. */
export interface KeySet {
  /**
   * The key that a token's header names. Rejects with `unavailable` while the keys cannot be had, and with an error of
   * `jose` when none of them fits.
   */
  readonly keyOf: JWTVerifyGetKey;
  /** Closes its connections. */
  close(): Promise<void>;
}

/** Asymmetric ones alone (RFC 8725, 3.1 and 3.2); which of them fits a key, its type, curve and `alg` say. */
export const KEY_SET_ALGORITHMS: readonly string[] = ['ES256', 'RS256', 'PS256', 'EdDSA', 'Ed25519'];

/** How long a key that its provider has withdrawn is still believed. */
const MAX_AGE_MS = 300_000;
/** How often, at most, a key nobody knows makes us ask again: anybody can name one. */
const COOLDOWN_MS = 30_000;
const TIMEOUT_MS = 5_000;
/** How long a provider that has failed is not asked again, so that its requests do not queue up behind a timeout. */
const RETRY_AFTER_MS = 1_000;
const MAX_BYTES = 256 * 2 ** 10;

export interface KeySetOptions {
  /** In milliseconds; default five minutes. */
  readonly maxAgeMs?: number;
  /** In milliseconds; default half a minute. */
  readonly cooldownMs?: number;
}

/** Nothing is fetched before the first token comes. The caller closes it. */
export const createKeySet = (
  url: string,
  { maxAgeMs = MAX_AGE_MS, cooldownMs = COOLDOWN_MS }: KeySetOptions = {},
): KeySet => {
  const agent = new Agent({ maxResponseSize: MAX_BYTES, connections: 1, connect: { timeout: TIMEOUT_MS } });
  let failed: { readonly error: unknown; readonly atMs: number } | null = null;
  const load: FetchImplementation = async (address, options) => {
    if (failed !== null && performance.now() - failed.atMs < RETRY_AFTER_MS) throw failed.error;
    try {
      const answer = await fetch(address, {
        method: options.method,
        headers: [...options.headers],
        signal: options.signal,
        // A redirect would be a second address that nobody configured (ASVS 15.3.2).
        redirect: 'error',
        dispatcher: agent,
      });
      const text = await answer.text();
      if (answer.status !== 200) throw new Error(`The key set was answered with ${answer.status}.`);
      failed = null;
      return new Response(text, { status: answer.status });
    } catch (error) {
      failed = { error, atMs: performance.now() };
      throw error;
    }
  };
  const remote = createRemoteJWKSet(new URL(url), {
    timeoutDuration: TIMEOUT_MS,
    cooldownDuration: cooldownMs,
    cacheMaxAge: maxAgeMs,
    [customFetch]: load,
  });
  return {
    keyOf: async (header, token) => {
      try {
        return await remote(header, token);
      } catch (error) {
        if (isOfToken(error)) throw error;
        const message = 'The keys that tokens are checked with cannot be had just now. Try again shortly.';
        throw new GatewayError('unavailable', message, { retryAfterMs: RETRY_AFTER_MS, cause: error });
      }
    },
    close: () => agent.destroy(),
  };
};

/** Whether a key could not be found for reasons of the token, while the key set itself is good. */
const isOfToken = (error: unknown): boolean =>
  error instanceof errors.JWKSNoMatchingKey ||
  error instanceof errors.JWKSMultipleMatchingKeys ||
  error instanceof errors.JOSENotSupported;
