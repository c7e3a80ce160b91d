import { ClientError } from '../client/client-error.ts';
import type { Scope } from '../core/principal.ts';
import type { Config } from '../platform/config.ts';
import { CliError } from './cli-error.ts';
import type { Io } from './io.ts';
import type { Local } from './local.ts';

export interface ChosenGateway {
  readonly url: string;
  /** A token, or what signs one that is still good each time it is asked. */
  readonly token: string | (() => Promise<string>);
}

/** Short, so that one that leaks is soon worth nothing; a command that runs longer signs another. */
const TOKEN_TTL_MS = 5 * 60_000;

/**
 * Which gateway a command talks to: `--url`, else `WAYBILL_URL`, else the one of this machine. And as whom: `--token`,
 * else `WAYBILL_TOKEN`, else, for the gateway of this machine only, a token signed here: an address given by hand is
 * never sent one. That token has `scopes`, by default those of a user. Rejects with `CliError` `usage`, `ConfigError`, or `ClientError` `gateway_unreachable`.
 */
export const chooseGateway = async (
  asked: { readonly url?: string | undefined; readonly token?: string | undefined },
  env: Io['env'],
  local: Local,
  scopes?: readonly Scope[],
): Promise<ChosenGateway> => {
  const token = tokenFrom(asked.token, env.WAYBILL_TOKEN);
  const [url, source] = asked.url === undefined ? [env.WAYBILL_URL, 'WAYBILL_URL'] : [asked.url, '--url'];
  if (source === '--url' || url) {
    const elsewhere = parseUrl(url ?? '', source);
    if (token !== null) return { url: elsewhere, token };
    throw new CliError(
      'usage',
      `A token for ${elsewhere} is needed: give one with --token or WAYBILL_TOKEN, for none of this machine's is sent to an address from ${source}.`,
    );
  }
  const config = await local.config();
  const here = (await local.runningUrl()) ?? configuredUrl(config);
  return { url: here, token: token ?? createLocalToken(here, { config, local, scopes }) };
};

const tokenFrom = (option: string | undefined, variable: string | undefined): string | null => {
  const token = (option ?? variable ?? '').trim();
  if (token === '' && option === undefined) return null;
  if (/^[\x21-\x7e]+$/u.test(token)) return token;
  const source = option === undefined ? 'WAYBILL_TOKEN' : '--token';
  throw new CliError('usage', `${source} holds no token; give one that "waybill token create" has printed.`);
};

const parseUrl = (text: string, source: string): string => {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/u.test(url.protocol) && url.username === '' && url.password === '')
    return text;
  throw new CliError(
    'usage',
    `${source} is no address of a gateway; give one such as http://127.0.0.1:8787, without a user in it.`,
  );
};

const configuredUrl = ({ PUBLIC_URL, HOST, PORT, DATA_DIR }: Config): string => {
  if (PUBLIC_URL !== undefined) return PUBLIC_URL;
  if (PORT === 0) {
    const message = `No gateway runs on ${DATA_DIR}, and PORT=0 does not say where one would; start one with "npm start" or "npx waybill serve", or name another with --url.`;
    throw new ClientError('gateway_unreachable', message);
  }
  // An address to listen on everywhere is none to connect to.
  const host = HOST === '0.0.0.0' || HOST === '::' ? '127.0.0.1' : HOST;
  return `http://${host.includes(':') ? `[${host}]` : host}:${PORT}`;
};

const createLocalToken = (
  url: string,
  {
    config: { DATA_DIR },
    local,
    scopes,
  }: { config: Config; local: Local; scopes?: readonly Scope[] | undefined },
): (() => Promise<string>) => {
  let signed: { token: string; atMs: number } | null = null;
  return async () => {
    if (signed !== null && performance.now() - signed.atMs < TOKEN_TTL_MS / 2) return signed.token;
    if (!(await local.hasSecret())) {
      const message = `No gateway has been started with DATA_DIR ${DATA_DIR}, so none is asked at ${url}; start one with "npm start" or "npx waybill serve", or name another with --url and --token.`;
      throw new ClientError('gateway_unreachable', message);
    }
    const token = await local.signToken({
      sub: local.subject,
      ttlMs: TOKEN_TTL_MS,
      ...(scopes === undefined ? {} : { scopes }),
    });
    signed = { token, atMs: performance.now() };
    return token;
  };
};
