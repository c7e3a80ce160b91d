import { type EventObject, toEventObject } from '../api/event-object.ts';
import { GatewayError } from '../core/errors.ts';
import type { Principal } from '../core/principal.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { endOfToken } from './token-watch.ts';

/** Where events go: one connection. */
export interface EventSink {
  /** Resolves once the peer has taken the event in, as far as can be told: memory is held for one event at a time. */
  send(event: EventObject): Promise<void>;
}

/** Why a stream ended by itself: the token has, the gateway stops, the peer went away or takes nothing in. */
export type StreamEnd = 'expired' | 'stopping' | 'gone';

export interface OpenEventStream {
  /** What a client resumes from that never saw an event. */
  readonly cursor: string;
  /** Sends until the stream ends; to be called once. Rejects when the record cannot be read. */
  sendTo(sink: EventSink): Promise<StreamEnd>;
}

interface EventStreamRequest {
  readonly principal: Principal;
  readonly sinceMs: number | undefined;
  /** Must abort when the peer has gone, which ends the stream, begun or not. */
  readonly gone: AbortSignal;
  /** Asked now and then whether the token is still good: rejects with a 401 when its key or secret is not any more. */
  recheck(): Promise<void>;
}

/** The open streams of every owner. */
export interface EventStreams {
  /**
   * Resolves once nothing is missed any more. Rejects with `rate_limited` when the owner has too many open, or when the
   * record cannot be read.
   */
  open(request: EventStreamRequest): Promise<OpenEventStream>;
}

/** Enough for every window and agent of a person; each costs a socket and, while files move, queries. */
const MAX_STREAMS_PER_OWNER = 32;
const RETRY_AFTER_MS = 10_000;
/** How long a peer may take to take an event in. */
const DRAIN_MS = 60_000;

export interface EventStreamsOptions {
  /** Aborts when every stream is to end. */
  readonly stopping: AbortSignal;
  /** Told of each stream; what it returns is called at its end. */
  readonly onOpen?: () => () => void;
  readonly maxStreamsPerOwner?: number;
  readonly drainMs?: number;
  readonly recheckMs?: number;
}

export const createEventStreams = (
  pipeline: Pick<Pipeline, 'watch' | 'retentionDays'>,
  {
    stopping,
    onOpen,
    maxStreamsPerOwner = MAX_STREAMS_PER_OWNER,
    drainMs = DRAIN_MS,
    recheckMs,
  }: EventStreamsOptions,
): EventStreams => {
  const open = new Map<string, number>();
  const enter = (owner: string): void => {
    const count = open.get(owner) ?? 0;
    if (count >= maxStreamsPerOwner) {
      const message = `You have ${count} event streams open, as many as there may be; close one first.`;
      throw new GatewayError('rate_limited', message, { retryAfterMs: RETRY_AFTER_MS });
    }
    open.set(owner, count + 1);
  };
  const leave = (owner: string): void => {
    const count = open.get(owner) ?? 0;
    if (count > 1) open.set(owner, count - 1);
    else open.delete(owner);
  };
  return {
    open: async ({ principal, sinceMs, gone, recheck }) => {
      const { sub: owner } = principal;
      enter(owner);
      const ended = new AbortController();
      const done = AbortSignal.any([ended.signal, gone, stopping]);
      const expired = endOfToken({
        principal,
        recheck,
        done,
        ...(recheckMs === undefined ? {} : { recheckMs }),
      });
      const signal = AbortSignal.any([done, expired]);
      const closed = onOpen?.();
      onAbort(signal, () => {
        leave(owner);
        closed?.();
      });
      try {
        const { cursorMs, events } = await pipeline.watch({ owner, sinceMs, signal });
        const sendTo: OpenEventStream['sendTo'] = async (sink) => {
          try {
            for await (const event of events) {
              const isTaken = await isOver(
                sink.send(toEventObject(event, pipeline.retentionDays)),
                drainMs,
                signal,
              );
              if (!isTaken && !signal.aborted) return 'gone';
            }
            if (gone.aborted) return 'gone';
            return expired.aborted ? 'expired' : 'stopping';
          } finally {
            ended.abort();
          }
        };
        return { cursor: String(cursorMs), sendTo };
      } catch (error) {
        ended.abort();
        throw error;
      }
    },
  };
};

const onAbort = (signal: AbortSignal, act: () => void): void => {
  if (signal.aborted) act();
  else signal.addEventListener('abort', act, { once: true });
};

/** Whether a send has succeeded before the peer has had too long for it or the stream is to end. */
const isOver = async (sending: Promise<void>, drainMs: number, signal: AbortSignal): Promise<boolean> => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const giveUp = (): void => resolve(false);
  const deadline = setTimeout(giveUp, drainMs);
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  sending.then(() => resolve(true), giveUp);
  const isTaken = await promise;
  clearTimeout(deadline);
  signal.removeEventListener('abort', giveUp);
  return isTaken;
};
