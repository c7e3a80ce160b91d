/** What the command line itself finds wrong: how it was called, or something on this side of the gateway. */
export type CliErrorCode =
  | 'usage'
  | 'interrupted'
  | 'unreadable'
  | 'unwritable'
  | 'not_confirmed'
  | 'no_text';

/** An error whose message is one sentence that says what to do. It is printed without a stack. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: CliErrorCode;

  constructor(code: CliErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}
