import type { ClientError } from '../client/client-error.ts';
import type { Waybill } from '../client/index.ts';

/** The way to a gateway, whichever one that is just now. */
export interface Connection {
  /**
   * Runs a call with a client of a gateway that is there, and once more with that of another when the first has gone
   * before it took anything; so what a call does must be good twice. Rejects with `ClientError` when there is none.
   */
  use<T>(call: (waybill: Waybill) => Promise<T>): Promise<T>;
  /** To be called when a running call waits for its gateway to come back, so that another can take its place. */
  doubt(why: ClientError): void;
}

/** The way to one gateway and no other. Whoever made the client closes it. */
export const connectTo = (waybill: Waybill): Connection => ({
  use: (call) => call(waybill),
  doubt: () => undefined,
});
