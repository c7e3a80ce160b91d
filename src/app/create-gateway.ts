import { GatewayError } from '../core/errors.ts';
import type { Scope } from '../core/principal.ts';
import { type Config, loadConfig } from '../platform/config.ts';
import { createLogger } from '../platform/log.ts';
import { startGateway } from './gateway.ts';
import { signLocally } from './sign-locally.ts';

/** The variables of docs/configuration.md, as text or as a number. What is not given has its default. */
export type Settings = { readonly [Name in keyof Config]?: string | number | undefined };

/** An entry of the log: its level, when it was made, a stable `event`, and what belongs to that. */
export interface LogEntry {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
  /** RFC 3339. */
  readonly time: string;
  readonly event?: string;
  readonly [key: string]: unknown;
}

export interface CreateGatewayOptions {
  /** Nothing else is read: neither the process's environment nor a `.env`. */
  readonly settings?: Settings;
  /** Called with every entry of the level `LOG_LEVEL` or above, and must not throw. Without it nothing is logged. */
  readonly onLog?: (entry: LogEntry) => void;
}

export interface TokenClaims {
  /** Who owns the files: up to 255 characters without spaces. */
  readonly sub: string;
  /** Default: reading and writing one's own files. */
  readonly scopes?: readonly Scope[];
  /** How long it is good: default 1 hour, at most 366 days. */
  readonly ttlMs?: number;
}

/** A running gateway in this process. */
export interface EmbeddedGateway {
  /** Where it listens. */
  readonly url: string;
  /** True when no provider has a key and emulators of Kimi and GLM stand in. */
  readonly emulated: boolean;
  /** Resolves with the reason when something it cannot do without has ended by itself; close it then. */
  readonly failed: Promise<string>;
  /**
   * A token to call it with. Rejects with `GatewayError` `invalid_token` for claims that no gateway takes, and
   * `unavailable` where all tokens come from the identity provider at `JWT_JWKS_URL`.
   */
  createToken(claims: TokenClaims): Promise<string>;
  /**
   * Stops accepting, lets running work finish for some seconds and closes everything; what is cut short goes on at the
   * next start. Nothing of it is left in the process then. Idempotent.
   */
  close(): Promise<void>;
}

const TOKEN_TTL_MS = 3_600_000;

/**
 * Runs a whole gateway inside this program, which goes on to decide about its own signals and its end, and calls
 * `close`. Rejects with `ConfigError` for settings that are not valid and with `StartupError` for what else can be
 * mended, such as a port or a data directory in use, and leaves nothing running then.
 */
export const createGateway = async ({
  settings = {},
  onLog,
}: CreateGatewayOptions = {}): Promise<EmbeddedGateway> => {
  const config = loadConfig(textsOf(settings));
  const log =
    onLog === undefined
      ? createLogger('silent')
      : createLogger(config.LOG_LEVEL, { write: (line) => onLog(JSON.parse(line)) });
  const { url, emulated, failed, tokens, close } = await startGateway(config, log);
  return {
    url,
    emulated,
    failed,
    createToken: async ({ ttlMs = TOKEN_TTL_MS, ...claims }) => {
      const token = await signLocally(tokens, { ttlMs, ...claims });
      if (token !== null) return token;
      const message =
        'Tokens come from the identity provider at JWT_JWKS_URL; get one there, or set JWT_SECRET_KEY.';
      throw new GatewayError('unavailable', message, { retry: 'never' });
    },
    close,
  };
};

const textsOf = (settings: Settings): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [name, value === undefined ? undefined : String(value)]),
  );
