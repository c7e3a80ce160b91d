import { AsyncLocalStorage } from 'node:async_hooks';
import { parseTrace, type TraceContext, traceHeaders } from './trace-context.ts';

/** On whose account something happens, for logs and traces only: nothing may be decided by it. */
export interface Context {
  /** The id of the request. */
  readonly request: string | null;
  readonly trace: TraceContext | null;
}

const NONE: Context = { request: null, trace: null };
/** Follows what is awaited, through every room, without each of them handing it on. */
const storage = new AsyncLocalStorage<Context>();

export const currentContext = (): Context => storage.getStore() ?? NONE;

/** Calls `work`, and all that follows from it, on this account. */
export const runIn = <T>(context: Context, work: () => T): T => storage.run(context, work);

/** What a job keeps of the context that it was sent in, so that its runs, after a restart too, are on the same account. */
export interface KeptContext {
  readonly request?: string;
  readonly traceparent?: string;
  readonly tracestate?: string;
}

/** Null where there is nothing to keep. */
export const keepContext = (): KeptContext | null => {
  const { request, trace } = currentContext();
  if (request === null && trace === null) return null;
  return { ...(request === null ? {} : { request }), ...(trace === null ? {} : traceHeaders(trace)) };
};

export const keptContext = (kept: KeptContext | undefined): Context => ({
  request: kept?.request ?? null,
  trace: parseTrace(kept?.traceparent, kept?.tracestate),
});
