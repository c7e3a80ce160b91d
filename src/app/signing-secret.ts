import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadJwtSecret } from '../admission/jwt-secret.ts';
import type { Config } from '../platform/config.ts';

type SecretConfig = Pick<Config, 'JWT_SECRET_KEY' | 'JWT_JWKS_URL' | 'DATA_DIR'>;

/**
 * What HS256 tokens are signed with: the configured secret, or one made at the first start, unless an identity provider
 * makes the tokens, whose keys then are the only ones. Rejects as `loadJwtSecret`.
 */
export const signingSecretOf = async (config: SecretConfig): Promise<string | undefined> =>
  isSignedElsewhere(config) ? undefined : loadJwtSecret(config.JWT_SECRET_KEY, resolve(config.DATA_DIR));

/** Whether there is such a secret already, so that looking for it leaves nothing behind. */
export const hasSigningSecret = (config: SecretConfig): boolean =>
  !isSignedElsewhere(config) &&
  (config.JWT_SECRET_KEY !== undefined || existsSync(join(config.DATA_DIR, 'jwt-secret')));

/** Whether all tokens come from an identity provider. */
export const isSignedElsewhere = ({ JWT_SECRET_KEY, JWT_JWKS_URL }: SecretConfig): boolean =>
  JWT_SECRET_KEY === undefined && JWT_JWKS_URL !== undefined;
