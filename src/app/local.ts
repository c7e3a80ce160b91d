import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Local } from '../cli/local.ts';
import { systemCode } from '../core/errors.ts';

/** Whose files those of an unconfigured gateway are: the one person at this machine. */
export const LOCAL_SUBJECT = 'local';

/** What commands can do by being on the gateway's machine. Loads what each needs when it is asked. */
export const createLocal = (env: Readonly<Record<string, string | undefined>>): Local => {
  const config: Local['config'] = async () => (await import('../platform/config.ts')).loadConfig(env);
  return {
    subject: LOCAL_SUBJECT,
    version: async () => (await import('./version.ts')).version,
    config,
    runningUrl: async () => {
      const { DATA_DIR } = await config();
      return (await readIfThere(join(DATA_DIR, 'gateway-url')))?.trim() || null;
    },
    hasSecret: async () => {
      const { JWT_SECRET_KEY, DATA_DIR } = await config();
      return JWT_SECRET_KEY !== undefined || existsSync(join(DATA_DIR, 'jwt-secret'));
    },
    signToken: async (claims) => {
      const { JWT_SECRET_KEY, DATA_DIR, JWT_ISSUER, JWT_AUDIENCE } = await config();
      const { loadJwtSecret } = await import('../admission/jwt-secret.ts');
      const { createTokens } = await import('../admission/tokens.ts');
      const secret = await loadJwtSecret(JWT_SECRET_KEY, resolve(DATA_DIR));
      const tokens = createTokens({ secret, issuer: JWT_ISSUER, audience: JWT_AUDIENCE });
      const token = await tokens.sign(claims);
      // The gateway's own judgement of what can be a subject or a lifetime.
      await tokens.verify(`Bearer ${token}`);
      return token;
    },
    serve: async (io, options) => {
      const { serve } = await import('./serve.ts');
      return serve(await config(), io, options);
    },
  };
};

const readIfThere = async (path: string): Promise<string | null> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return null;
    throw error;
  }
};
