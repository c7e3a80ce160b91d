import { CliError } from '../cli/cli-error.ts';
import type { Local } from '../cli/local.ts';
import { readAddress } from './gateway-address.ts';

/** Whose files those of an unconfigured gateway are: the one person at this machine. */
export const LOCAL_SUBJECT = 'local';

const SIGNED_ELSEWHERE =
  'Tokens come from the identity provider at JWT_JWKS_URL; get one there and give it with --token, or set JWT_SECRET_KEY to sign some here too.';

/** What commands can do by being on the gateway's machine. Loads what each needs when it is asked. */
export const createLocal = (env: Readonly<Record<string, string | undefined>>): Local => {
  const config: Local['config'] = async () => (await import('../platform/config.ts')).loadConfig(env);
  const local: Local = {
    subject: LOCAL_SUBJECT,
    version: async () => (await import('./version.ts')).version,
    config,
    runningUrl: async () => {
      const { DATA_DIR } = await config();
      return readAddress(DATA_DIR);
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
      const { signLocally } = await import('./sign-locally.ts');
      const token = await signLocally(tokens, claims);
      if (token === null) throw new CliError('usage', SIGNED_ELSEWHERE);
      return token;
    },
    serve: async (io, options) => {
      const { serve } = await import('./serve.ts');
      return serve(await config(), io, options);
    },
    mcp: async (io, asked) => {
      const { serveMcp } = await import('./mcp.ts');
      return serveMcp(io, asked, local);
    },
    backup: async (directory, asked) => {
      const { backUpInstallation } = await import('./backup.ts');
      return backUpInstallation(await config(), { directory, ...asked });
    },
    restore: async (directory, asked) => {
      const { restoreInstallation } = await import('./backup.ts');
      return restoreInstallation(await config(), { directory, ...asked });
    },
    importLegacy: async (asked) => {
      const { importIntoInstallation } = await import('./import-legacy.ts');
      return importIntoInstallation(await config(), asked);
    },
  };
  return local;
};
