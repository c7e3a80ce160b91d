import { ANONYMOUS, type Principal } from '../core/principal.ts';
import type { Logger } from '../platform/log.ts';
import { DEFAULT_SCOPES, type Tokens } from './tokens.ts';

/** Where it is kept how far time has got in this grace, beyond restarts and clocks that are set back. */
type GraceWitness = (now: Date) => Promise<{ readonly openedAt: Date; readonly latestAt: Date }>;

/** A time in which whoever brings no token is let in, as `anonymous`. It ends at a fixed instant, once and for all. */
export interface Grace {
  /** Who asks without a token, for a request to `route`, which is counted and logged. Null once the grace is over. */
  admit(route: string): Principal | null;
  /** How many were let in by this process. */
  uses(): number;
  /** Stops looking at the clock, once the last look is recorded or has failed. */
  close(): Promise<void>;
}

export interface GraceOptions {
  readonly until: Date;
  readonly witness: GraceWitness;
  /** Told of each request that is let in. */
  readonly onUse?: () => void;
  readonly log: Logger;
  /** How often it is recorded how late it is, in milliseconds; default one minute. */
  readonly lookEveryMs?: number;
}

const LOOK_EVERY_MS = 60_000;
/** How soon an end is recorded that was not, the database being away. */
const RECORD_AGAIN_MS = 1_000;
/** A route is logged at most once in this time; the count tells what is left out. */
const LOG_EVERY_MS = 1_000;

/**
 * Opens the grace, or finds it over. Rejects when its witness cannot be asked: nobody may be let in without a token on
 * the word of a clock alone. The caller closes it.
 */
export const openGrace = async ({
  until,
  witness,
  onUse,
  log,
  lookEveryMs = LOOK_EVERY_MS,
}: GraceOptions): Promise<Grace> => {
  const { openedAt, latestAt } = await witness(new Date());
  const clock = createForwardClock(latestAt.getTime());
  const isOver = (): boolean => clock() >= until.getTime();
  log.warn({ event: isOver() ? 'grace_over' : 'grace_on', until: until.toISOString() });

  let looking: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const look = async (): Promise<void> => {
    const wasOver = isOver();
    const isRecorded = await witness(new Date(clock())).then(
      () => true,
      (error) => {
        log.warn({ event: 'grace_not_witnessed', err: error });
        return false;
      },
    );
    if (wasOver && isRecorded) log.warn({ event: 'grace_over', until: until.toISOString(), count });
    else schedule();
  };
  const schedule = (): void => {
    const waitMs = isOver() ? RECORD_AGAIN_MS : Math.min(lookEveryMs, Math.ceil(until.getTime() - clock()));
    timer = setTimeout(() => {
      looking = look();
    }, waitMs);
  };
  if (!isOver()) schedule();

  let count = 0;
  const loggedAt = new Map<string, number>();
  return {
    admit: (route) => {
      if (isOver()) return null;
      count += 1;
      onUse?.();
      const nowMs = performance.now();
      if (nowMs - (loggedAt.get(route) ?? Number.NEGATIVE_INFINITY) >= LOG_EVERY_MS) {
        loggedAt.set(route, nowMs);
        log.warn({ event: 'grace_used', route, count });
      }
      return {
        sub: ANONYMOUS,
        scopes: DEFAULT_SCOPES,
        expiresAt: until,
        grace: { since: openedAt, until },
      };
    },
    uses: () => count,
    close: async () => {
      clearTimeout(timer);
      await looking;
      clearTimeout(timer);
    },
  };
};

/** Tokens as they are, and in place of a missing one the grace. A bad token stays a bad token. */
export const forgiveMissing = (tokens: Tokens, grace: Grace): Tokens => ({
  ...tokens,
  verify: async (authorization, route = 'unknown') => {
    const anonymous = authorization === undefined ? grace.admit(route) : null;
    return anonymous ?? tokens.verify(authorization, route);
  },
});

/** The time in milliseconds, by the clock or by what has passed since it was last asked, whichever is later. */
const createForwardClock = (startMs: number): (() => number) => {
  let latest = startMs;
  let askedAt = performance.now();
  return () => {
    const now = performance.now();
    latest = Math.max(latest + now - askedAt, Date.now());
    askedAt = now;
    return latest;
  };
};
