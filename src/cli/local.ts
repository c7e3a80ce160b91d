import type { Scope } from '../core/principal.ts';
import type { Config } from '../platform/config.ts';
import type { Io } from './io.ts';

/** What a command can do by being on the gateway's machine, provided by the composition root. */
export interface Local {
  /** Who owns what is uploaded from here when nobody says otherwise. */
  readonly subject: string;
  /** The configuration of the environment. Throws `ConfigError` with every problem. */
  config(): Config;
  /** Signs a token with the gateway's own secret. */
  signToken(claims: { sub: string; scopes?: readonly Scope[]; ttlMs: number }): Promise<string>;
  /** Runs the gateway until it is told to stop. Answers with the exit code. */
  serve(io: Io): Promise<number>;
}
