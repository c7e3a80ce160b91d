import { setTimeout as delay } from 'node:timers/promises';

export interface UntilOptions {
  deadlineMs: number;
  /** 10 ms unless told: what is waited for here takes tens of milliseconds and is cheap to ask. */
  intervalMs?: number;
}

/** Asks again and again until `condition` holds, and says whether it did before the deadline. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { deadlineMs, intervalMs = 10 }: UntilOptions,
): Promise<boolean> {
  const end = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() >= end) return false;
    await delay(intervalMs);
  }
  return true;
}
