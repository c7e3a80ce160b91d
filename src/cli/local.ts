import type { BackupProgress, BackupReport } from '../core/backup-report.ts';
import type { ImportReport } from '../core/import-report.ts';
import type { Scope } from '../core/principal.ts';
import type { Config } from '../platform/config.ts';
import type { Io } from './io.ts';

/** What a command can do by being on the gateway's machine, provided by the composition root. */
export interface Local {
  /** Who owns what is uploaded from here when nobody says otherwise. */
  readonly subject: string;
  version(): Promise<string>;
  /** The configuration of the environment. Rejects with `ConfigError` with every problem. */
  config(): Promise<Config>;
  /** Where the gateway that runs on the data directory listens; null when none has said so. */
  runningUrl(): Promise<string | null>;
  /** Whether there is a secret to sign with already, so that looking for a gateway leaves nothing behind. */
  hasSecret(): Promise<boolean>;
  /**
   * Signs a token with the gateway's own secret, which is made when there is none. Rejects with `GatewayError`
   * `invalid_token` when the gateway would not take the token, as for a subject with spaces.
   */
  signToken(claims: { sub: string; scopes?: readonly Scope[]; ttlMs: number }): Promise<string>;
  /**
   * Runs the gateway until it is told to stop, and tells on `stdout` where it is, as one line of JSON if asked.
   * Answers with the exit code; rejects with `ConfigError` or `StartupError`.
   */
  serve(io: Io, options: { isJson: boolean }): Promise<number>;
  /**
   * Speaks MCP on `stdin` and `stdout` until the input ends or it is told to stop, for the gateway at `url`, else for that
   * of this machine, which it starts where none runs. Answers with the exit code; rejects with `CliError` `usage`,
   * `ConfigError` or `StartupError` before anything has been said.
   */
  mcp(
    io: Io,
    asked: { readonly url?: string | undefined; readonly token?: string | undefined },
  ): Promise<number>;
  /** Backs the installation up to a directory. Rejects with `ConfigError` or `StartupError`. */
  backup(directory: string, asked: LongRun): Promise<BackupReport>;
  /** Fills the installation from a backup. Rejects with `ConfigError`, or with `StartupError` when it is not empty. */
  restore(directory: string, asked: LongRun): Promise<BackupReport>;
  /**
   * Takes over the copies that the earlier system at `from` has recorded. Rejects with `ConfigError`, `StartupError`, or
   * `CliError` `usage` when no provider is configured.
   */
  importLegacy(asked: {
    readonly from: string;
    readonly fromSchema: string;
    readonly owner: string | null;
    readonly isDryRun: boolean;
    readonly onProgress: (rowsDone: number) => void;
    readonly signal: AbortSignal;
  }): Promise<ImportReport>;
}

/** What work that takes its time is told, and tells. */
interface LongRun {
  readonly onProgress: (progress: BackupProgress) => void;
  readonly signal: AbortSignal;
}
