import type { Kysely } from 'kysely';
import { forgiveMissing, openGrace } from '../admission/grace.ts';
import { createKeySet, type KeySet } from '../admission/key-set.ts';
import { createTokens, type Tokens } from '../admission/tokens.ts';
import type { Config } from '../platform/config.ts';
import type { Logger } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Tables } from '../platform/tables.ts';
import { witnessGrace } from '../tracking/auth-graces.ts';
import type { Closing } from './closing.ts';

interface TokenParts {
  /** What HS256 tokens are signed with; unset: there are none. */
  readonly secret: string | undefined;
  readonly database: Kysely<Tables>;
  readonly metrics: Metrics;
  readonly closing: Closing;
  readonly log: Logger;
}

/** The tokens that the gateway takes, by secret and key set, and the grace for missing ones, as they are configured. */
export const openTokens = async (
  config: Config,
  { secret, database, metrics, closing, log }: TokenParts,
): Promise<Tokens> => {
  const { JWT_ISSUER: issuer, JWT_AUDIENCE: audience, AUTH_GRACE_UNTIL: until } = config;
  const tokens = createTokens({ secret, keys: openKeys(config, closing), issuer, audience });
  if (until === undefined) return tokens;
  metrics.http.graceEnds(until);
  const grace = await openGrace({
    until,
    witness: (now) => witnessGrace(database, { until, now }),
    onUse: () => metrics.http.graceUsed(),
    log,
  });
  closing.add('grace', () => grace.close());
  return forgiveMissing(tokens, grace);
};

const openKeys = ({ JWT_JWKS_URL }: Config, closing: Closing): KeySet | undefined => {
  if (JWT_JWKS_URL === undefined) return undefined;
  const keys = createKeySet(JWT_JWKS_URL);
  closing.add('keys', () => keys.close());
  return keys;
};
