/**
 * A reason not to start that the operator can act on. `message` is one sentence that says what to do;
 * it is printed without a stack and the process ends with `exitCode` (sysexits.h: 78 is EX_CONFIG).
 */
export class StartupError extends Error {
  override readonly name = 'StartupError';
  readonly exitCode: number;

  constructor(message: string, { exitCode = 1, cause }: { exitCode?: 1 | 78; cause?: unknown } = {}) {
    super(message, { cause });
    this.exitCode = exitCode;
  }
}
