import { GatewayError } from '../../core/errors.ts';
import { ANONYMOUS, MAX_TOKEN_TTL_MS, type Scope } from '../../core/principal.ts';
import { CliError } from '../cli-error.ts';
import type { Run } from '../command.ts';
import { EXIT_OK } from '../exit-codes.ts';
import type { tokenOptions } from '../options.ts';
import { parseTtl } from '../parse-ttl.ts';
import { printJson } from '../print-json.ts';

const DEFAULT_TTL = '30d';
const SCOPES: readonly Scope[] = ['files:read', 'files:write', 'admin'];

/** `waybill token create`: prints the token and nothing else. */
export const createToken: Run<typeof tokenOptions> = async ({ values, io, local }) => {
  const { sub } = values;
  if (!sub) throw new CliError('usage', 'Say whose token it is with --sub, for example --sub local.');
  const ttlMs = parseTtl(values.ttl ?? DEFAULT_TTL);
  if (ttlMs > MAX_TOKEN_TTL_MS) {
    const message = `--ttl may be up to ${MAX_TOKEN_TTL_MS / 86_400_000} days; no gateway takes a token that lives longer.`;
    throw new CliError('usage', message);
  }
  if (sub === ANONYMOUS) {
    throw new CliError(
      'usage',
      `--sub ${ANONYMOUS} is kept for requests without a token; take another name.`,
    );
  }
  const scopes = values.scope === undefined ? undefined : parseScopes(values.scope);
  const token = await local
    .signToken({ sub, ttlMs, ...(scopes === undefined ? {} : { scopes }) })
    .catch((error) => {
      if (!(error instanceof GatewayError)) throw error;
      const message = `--sub ${JSON.stringify(sub)} cannot own files; use up to 255 characters without spaces.`;
      throw new CliError('usage', message, { cause: error });
    });
  const expiresAt = Math.floor((Date.now() + ttlMs) / 1_000);
  if (values.json)
    printJson(io.stdout, { token, sub, scope: scopes?.join(' ') ?? null, expires_at: expiresAt });
  else io.stdout.write(`${token}\n`);
  return EXIT_OK;
};

const parseScopes = (text: string): readonly Scope[] => {
  const names = text.split(/[\s,]+/u).filter(Boolean);
  const known = SCOPES.filter((scope) => names.includes(scope));
  const stranger = names.find((name) => !known.some((scope) => scope === name));
  if (stranger === undefined && known.length > 0) return known;
  throw new CliError(
    'usage',
    `--scope takes one or more of ${SCOPES.join(', ')}, not ${JSON.stringify(stranger ?? text)}.`,
  );
};
