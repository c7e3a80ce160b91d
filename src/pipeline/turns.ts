import { setTimeout as pause } from 'node:timers/promises';
import { GatewayError } from '../core/errors.ts';

/** Lets one at a time at what a key names. Whoever has the turn is told when another wants it. */
export interface Turns {
  /** Resolves with the turn, once whoever has it has ended. Rejects with `upload_locked` when that takes too long. */
  take(key: string): Promise<Turn>;
  /** The turn if nobody has it, without telling anybody; else null. */
  takeFree(key: string): Turn | null;
  /** Tells everybody to end, for this reason, also those who have not begun. */
  tellAll(reason: GatewayError): void;
  /** Resolves once nobody has a turn. */
  idle(): Promise<void>;
}

export interface Turn {
  /** Aborts when it should end soon; the reason is the error for whoever waits for what it does. */
  readonly told: AbortSignal;
  /** Tells whoever has it to end. */
  tell(reason: GatewayError): void;
  /** To be called once, at the end. */
  giveBack(): void;
}

interface Held extends Turn {
  readonly ended: Promise<void>;
}

export const createTurns = ({ waitMs }: { readonly waitMs: number }): Turns => {
  const held = new Map<string, Held>();
  let reasonForAll: GatewayError | null = null;

  const takeFree = (key: string): Turn | null => {
    if (held.has(key)) return null;
    const telling = new AbortController();
    if (reasonForAll !== null) telling.abort(reasonForAll);
    const ending = Promise.withResolvers<void>();
    const giveBack = (): void => {
      held.delete(key);
      ending.resolve();
    };
    const tell = (reason: GatewayError): void => telling.abort(reason);
    const turn = { told: telling.signal, tell, ended: ending.promise, giveBack };
    held.set(key, turn);
    return turn;
  };

  return {
    takeFree,
    take: async (key) => {
      const deadlineMs = performance.now() + waitMs;
      while (true) {
        const free = takeFree(key);
        if (free !== null) return free;
        const other = held.get(key);
        const leftMs = deadlineMs - performance.now();
        if (leftMs <= 0) throw locked();
        other?.tell(overtaken());
        await endOrTimeout(other?.ended, leftMs);
      }
    },
    tellAll: (reason) => {
      reasonForAll = reason;
      for (const { tell } of held.values()) tell(reason);
    },
    idle: async () => {
      while (held.size > 0) await Promise.all([...held.values()].map(({ ended }) => ended));
    },
  };
};

const endOrTimeout = async (ended: Promise<void> | undefined, timeoutMs: number): Promise<void> => {
  const over = new AbortController();
  const timeout = pause(timeoutMs, undefined, { signal: over.signal }).catch(() => undefined);
  await Promise.race([ended, timeout]);
  over.abort();
};

/** For a request that has to end for another one's sake. */
export const overtaken = (): GatewayError =>
  new GatewayError(
    'upload_locked',
    'A later request took this upload over; ask for its offset and go on from there.',
  );

/** For a request that has waited for another one in vain. */
export const locked = (): GatewayError =>
  new GatewayError('upload_locked', 'Another request is still writing to this upload; try again shortly.');
