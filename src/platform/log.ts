import { type DestinationStream, type Logger, pino } from 'pino';
import { currentContext } from './context.ts';

export type { Logger };

/** What is of use of an error: ours, the system's (`code` …), and Postgres's (`severity` …). */
const FACTS = ['code', 'retry', 'outcome', 'syscall', 'address', 'port', 'severity', 'detail', 'constraint'];
const DEEPEST_CAUSE = 5;

/** Libraries hang whole connections and requests on their errors, with whatever secrets are in those. */
const describeError = (error: unknown, depth = 0): unknown => {
  if (!(error instanceof Error)) return typeof error === 'object' ? typeof error : error;
  const facts = Object.entries(error).filter(
    ([name, value]) => FACTS.includes(name) && Object(value) !== value,
  );
  const deeper = (cause: unknown): unknown => describeError(cause, depth + 1);
  const hasCause = error.cause !== undefined && depth < DEEPEST_CAUSE;
  return {
    type: error.name,
    message: error.message,
    stack: error.stack,
    ...Object.fromEntries(facts),
    ...(error instanceof AggregateError && depth < DEEPEST_CAUSE ? { errors: error.errors.map(deeper) } : {}),
    ...(hasCause ? { cause: deeper(error.cause) } : {}),
  };
};

/** On whose account an entry is: what belongs to it says otherwise where it is another's. */
const origin = (): object => {
  const { request, trace } = currentContext();
  return {
    ...(request === null ? {} : { request }),
    ...(trace === null ? {} : { trace: trace.traceId }),
  };
};

/**
 * The process's logger: one JSON object a line, by default on standard error, so that standard output stays free for
 * what a command prints. Every entry has a stable `event`. Credentials are kept out at the source; the
 * redaction here is the second net, for objects of libraries that carry headers along.
 */
export const createLogger = (level: string, destination: DestinationStream = standardError()): Logger =>
  pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
      mixin: origin,
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
    destination,
  );

const standardError = (): DestinationStream => pino.destination({ fd: 2, sync: true });
