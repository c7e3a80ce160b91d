import { type Logger, pino } from 'pino';

export type { Logger };

/**
 * The process's logger: one JSON object a line on standard error, so that standard output stays free for
 * what a command prints. Every entry has a stable `event`. Credentials are kept out at the source; the
 * redaction here is the second net, for objects of libraries that carry headers along.
 */
export const createLogger = (level: string): Logger =>
  pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: [
          'headers.authorization',
          '*.headers.authorization',
          'password',
          '*.password',
          'connectionString',
          '*.connectionString',
        ],
        censor: '[secret]',
      },
    },
    pino.destination({ fd: 2, sync: true }),
  );
