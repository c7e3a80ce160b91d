import { resolve } from 'node:path';
import { loadJwtSecret } from '../admission/jwt-secret.ts';
import { createTokens } from '../admission/tokens.ts';
import type { Local } from '../cli/local.ts';
import { loadConfig } from '../platform/config.ts';

/** Whose files those of an unconfigured gateway are: the one person at this machine. */
export const LOCAL_SUBJECT = 'local';

/** What commands can do by being on the gateway's machine. */
export const createLocal = (env: Readonly<Record<string, string | undefined>>): Local => ({
  subject: LOCAL_SUBJECT,
  config: () => loadConfig(env),
  signToken: async (claims) => {
    const config = loadConfig(env);
    const secret = await loadJwtSecret(config.JWT_SECRET_KEY, resolve(config.DATA_DIR));
    return createTokens({ secret, issuer: config.JWT_ISSUER, audience: config.JWT_AUDIENCE }).sign(claims);
  },
  serve: async (io) => {
    const { serve } = await import('./serve.ts');
    return serve(loadConfig(env), io);
  },
});
