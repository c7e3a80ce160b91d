import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { GatewayError } from '../core/errors.ts';

/** What is to be done before the body of a request is read for the first time. */
const preparations = new WeakMap<Readable, () => void>();

/** Has `prepare` called as soon as somebody reads the body of the request, and not if nobody does. */
export const beforeBody = (request: Readable, prepare: () => void): void =>
  void preparations.set(request, prepare);

/** To be called by whoever is about to read the body of a request. */
export const beginBody = (request: Readable): void => {
  preparations.get(request)?.();
  preparations.delete(request);
};

/** The body of a request as it comes. Rejects with `incomplete_body` when the client goes away before its end. */
export async function* readRawBody(request: IncomingMessage): AsyncGenerator<Buffer> {
  beginBody(request);
  try {
    // Left open when the iteration ends early, so that a refusal can still be answered on the connection.
    yield* request.iterator({ destroyOnReturn: false });
  } catch (error) {
    if (request.complete) throw error;
    const message = 'The connection ended before the whole body had arrived; send the file again.';
    throw new GatewayError('incomplete_body', message, { cause: error });
  }
}
