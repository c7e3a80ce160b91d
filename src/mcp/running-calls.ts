import type { RequestId } from '@modelcontextprotocol/server';
import { GatewayError } from '../core/errors.ts';

/** Which call a client means: ids are its own, and each client has a session of its own. */
interface CallName {
  readonly owner: string;
  /** Null: of a client that has none, whose calls nobody can name. */
  readonly session: string | null;
  readonly id: RequestId;
}

/** The calls that this process is carrying out, of every owner and on every transport. */
export interface RunningCalls {
  /** Carries one out. Rejects with `rate_limited` when its owner has too many. */
  run<T>(
    call: CallName & { readonly signal: AbortSignal },
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T>;
  /** Aborts the owner's call of that name, if it runs here. */
  cancel(name: CallName): void;
  /** Resolves when none runs any more, at the latest when `signal` aborts. */
  idle(signal: AbortSignal): Promise<void>;
}

/** Enough for every agent of a person. */
const MAX_CALLS_PER_OWNER = 32;
const RETRY_AFTER_MS = 1_000;

interface Running extends CallName {
  readonly ended: Promise<void>;
  readonly cancelled: AbortController;
}

/**
 * A client of the 2025 protocol cancels with a request of its own, which knows nothing of the one that it means but its
 * id, and ids of different clients are alike: so a call is found by its owner and its session too.
 */
export const createRunningCalls = (maxPerOwner = MAX_CALLS_PER_OWNER): RunningCalls => {
  const running = new Set<Running>();
  const of = (owner: string): Running[] => [...running].filter((call) => call.owner === owner);
  return {
    run: async ({ signal, ...name }, work) => {
      if (of(name.owner).length >= maxPerOwner) throw tooMany(maxPerOwner);
      const ended = Promise.withResolvers<void>();
      const call = { ...name, ended: ended.promise, cancelled: new AbortController() };
      running.add(call);
      try {
        return await work(AbortSignal.any([signal, call.cancelled.signal]));
      } finally {
        running.delete(call);
        ended.resolve();
      }
    },
    cancel: ({ owner, session, id }) => {
      if (session === null) return;
      for (const call of of(owner))
        if (call.session === session && call.id === id)
          call.cancelled.abort(new Error('The client cancelled.'));
    },
    idle: async (signal) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (signal.aborted) return;
      await Promise.race([promise, Promise.all([...running].map(({ ended }) => ended))]);
    },
  };
};

const tooMany = (most: number): GatewayError =>
  new GatewayError(
    'rate_limited',
    `You have ${most} calls running, as many as there may be; wait for one to end.`,
    {
      retryAfterMs: RETRY_AFTER_MS,
    },
  );
