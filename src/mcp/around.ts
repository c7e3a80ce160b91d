import type { RequestId } from '@modelcontextprotocol/server';
import type { Scope } from '../core/principal.ts';

/** A call of a tool or a read of a resource, before anything is known of it but what it says itself. */
interface Call {
  /** Of the request, by which its client can cancel it. */
  readonly id: RequestId;
  /** Of the tool; `list_resources` and `read_resource` are none. */
  readonly name: string;
  /** What its caller must be allowed. */
  readonly scope: Scope;
  /** What the audit trail calls it; null: it is not recorded. */
  readonly action: string | null;
  /** The file that it names. */
  readonly fileId: string | null;
  /** Aborted when the client cancels the request or goes away. */
  readonly signal: AbortSignal;
}

/** What came of a call, with the file that it was about. */
interface Outcome {
  readonly fileId: string | null;
}

/**
 * What surrounds every call: who may, how often, what is recorded. Runs the call, with a signal that aborts when the
 * call's own does or for reasons of its own, and rejects with whatever that rejects with, or to refuse it.
 */
export type Around = <T extends Outcome>(call: Call, run: (signal: AbortSignal) => Promise<T>) => Promise<T>;

/** Where whoever is connected may do everything. */
export const unguarded: Around = (call, run) => run(call.signal);

/** An id of ours; anything else is text of the client's choice. */
const OUR_ID = /^[\w-]{1,80}$/u;

/** The `id` among arguments that nobody has checked. */
export const idIn = (given: unknown): string | null => {
  const id = typeof given === 'object' && given !== null && 'id' in given ? given.id : null;
  return typeof id === 'string' && OUR_ID.test(id) ? id : null;
};
