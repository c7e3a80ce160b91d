import { setTimeout as pause } from 'node:timers/promises';

const LOOK_EVERY_MS = 25;

/**
 * Looks until the answer is neither undefined, null nor false, and answers with it. Rejects after `deadlineMs`, saying
 * what never came. A look that throws counts as "not yet", and the last such error becomes the cause.
 */
export const until = async <T>(
  what: string,
  look: () => Promise<T> | T,
  { deadlineMs = 20_000 }: { deadlineMs?: number } = {},
): Promise<Exclude<T, undefined | null | false>> => {
  const deadline = performance.now() + deadlineMs;
  let cause: unknown;
  do {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== null && seen !== false) {
        return seen as Exclude<T, undefined | null | false>;
      }
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await pause(LOOK_EVERY_MS);
  } while (performance.now() < deadline);
  throw new Error(`Not seen within ${deadlineMs} ms: ${what}`, { cause });
};
