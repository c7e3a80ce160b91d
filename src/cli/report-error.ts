import { ClientError } from '../client/client-error.ts';
import { GatewayError } from '../core/errors.ts';
import { StartupError } from '../platform/startup-error.ts';
import { cleanText } from './clean-text.ts';
import { CliError } from './cli-error.ts';
import { coloursOf } from './colours.ts';
import { EXIT_CONFIG, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE } from './exit-codes.ts';
import type { Io } from './io.ts';
import { printJson } from './print-json.ts';

interface Report {
  readonly exitCode: number;
  readonly code: string;
  readonly message: string;
  /** What else is known, as the JSON has it. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** What else is said to people, behind the sentence or below it. */
  readonly remarks?: readonly string[];
  readonly lines?: readonly string[];
}

interface ReportOptions {
  readonly isJson: boolean;
  /** Which of several files it is about. */
  readonly path?: string;
}

/** Says on `stderr` what went wrong, for people or as one line of JSON, without a stack. Answers with the exit code. */
export const reportError = async (
  error: unknown,
  io: Io,
  { isJson, path }: ReportOptions,
): Promise<number> => {
  const { exitCode, code, message, details, remarks = [], lines = [] } = await reportOf(error, io);
  if (isJson)
    printJson(io.stderr, { error: { code, message, ...(path === undefined ? {} : { path }), ...details } });
  else {
    const about = path === undefined || message.includes(path) ? '' : `${path}: `;
    const aside = remarks.length > 0 ? ` (${remarks.join(', ')})` : '';
    const text = [`${about}${message}${aside}`, ...lines].map(cleanText).join('\n');
    io.stderr.write(`${coloursOf(io.isTerminal, io.env).bad('waybill:')} ${text}\n`);
  }
  return exitCode;
};

const reportOf = async (error: unknown, io: Io): Promise<Report> => {
  if (error instanceof CliError) {
    const exitCodes: Partial<Record<string, number>> = { usage: EXIT_USAGE, interrupted: EXIT_INTERRUPTED };
    return { exitCode: exitCodes[error.code] ?? EXIT_FAILED, code: error.code, message: error.message };
  }
  if (io.interrupted.aborted) {
    return { exitCode: EXIT_INTERRUPTED, code: 'interrupted', message: 'Interrupted before the end.' };
  }
  if (error instanceof ClientError) return reportOfRequest(error);
  if (error instanceof StartupError) {
    return { exitCode: error.exitCode, code: 'startup_failed', message: error.message };
  }
  if (error instanceof GatewayError)
    return { exitCode: EXIT_FAILED, code: error.code, message: error.message };
  // Only now, for it brings the schema of the configuration along.
  const { ConfigError } = await import('../platform/config.ts');
  if (error instanceof ConfigError) {
    const count = error.problems.length === 1 ? 'one variable' : `${error.problems.length} variables`;
    return {
      exitCode: EXIT_CONFIG,
      code: 'invalid_configuration',
      message: `The configuration is not valid; correct ${count}.`,
      details: { problems: error.problems },
      lines: error.problems.map(({ variable, got, wants }) => `  ${variable}: got ${got}, wants ${wants}`),
    };
  }
  const reason = error instanceof Error ? error.message : String(error);
  const message = `That did not work, and why is not understood: ${reason}`;
  return { exitCode: EXIT_FAILED, code: 'unexpected', message };
};

const reportOfRequest = ({
  code,
  message,
  httpStatus,
  requestId,
  fileId,
  retryAfterMs,
}: ClientError): Report => ({
  exitCode: EXIT_FAILED,
  code,
  message,
  details: {
    ...(httpStatus === null ? {} : { http_status: httpStatus }),
    ...(requestId === null ? {} : { request_id: requestId }),
    ...(fileId === null ? {} : { file_id: fileId }),
    ...(retryAfterMs === null ? {} : { retry_after_ms: retryAfterMs }),
  },
  // Of use to whoever looks the error up in docs/errors.md or in the gateway's log.
  remarks: requestId === null ? [] : [code, ...retryRemark(retryAfterMs), requestId],
});

const retryRemark = (retryAfterMs: number | null): string[] =>
  retryAfterMs === null ? [] : [`try again in ${Math.ceil(retryAfterMs / 1_000)} s`];
