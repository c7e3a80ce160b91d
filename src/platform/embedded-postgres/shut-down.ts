import { until } from './until.ts';

export interface ShutDownOptions {
  /** Sends a signal to the postmaster; does nothing if it is gone. */
  signal(name: 'SIGINT' | 'SIGQUIT'): void;
  isGone(): boolean;
  /** How long clients may take to be disconnected and the last checkpoint to be written. */
  fastMs?: number;
  /** The postmaster kills children that ignore it after 5 s, so this is more. */
  immediateMs?: number;
}

/**
 * Ends a postmaster: a fast shutdown, and where that hangs an immediate one, after which the next start recovers from
 * the log (https://www.postgresql.org/docs/18/server-shutdown.html). Says how it went; `stuck` means it still runs.
 */
export async function shutDown({
  signal,
  isGone,
  fastMs = 15_000,
  immediateMs = 10_000,
}: ShutDownOptions): Promise<'fast' | 'immediate' | 'stuck'> {
  signal('SIGINT');
  if (await until(isGone, { deadlineMs: fastMs })) return 'fast';
  signal('SIGQUIT');
  return (await until(isGone, { deadlineMs: immediateMs })) ? 'immediate' : 'stuck';
}
