import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CliError } from '../cli/cli-error.ts';
import type { Local } from '../cli/local.ts';
import { systemCode } from '../core/errors.ts';

/** Whose files those of an unconfigured gateway are: the one person at this machine. */
export const LOCAL_SUBJECT = 'local';

const SIGNED_ELSEWHERE =
  'Tokens come from the identity provider at JWT_JWKS_URL; get one there and give it with --token, or set JWT_SECRET_KEY to sign some here too.';

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
    hasSecret: async () => (await import('./signing-secret.ts')).hasSigningSecret(await config()),
    signToken: async (claims) => {
      const settings = await config();
      const { signingSecretOf } = await import('./signing-secret.ts');
      const { createTokens } = await import('../admission/tokens.ts');
      const secret = await signingSecretOf(settings);
      const tokens = createTokens({
        secret,
        issuer: settings.JWT_ISSUER,
        audience: settings.JWT_AUDIENCE,
      });
      if (tokens.sign === null) throw new CliError('usage', SIGNED_ELSEWHERE);
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
