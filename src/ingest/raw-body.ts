import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../core/errors.ts';

/** The body of a request as it comes. Rejects with `incomplete_body` when the client goes away before its end. */
export async function* readRawBody(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    // Left open when the iteration ends early, so that a refusal can still be answered on the connection.
    yield* request.iterator({ destroyOnReturn: false });
  } catch (error) {
    if (request.complete) throw error;
    const message = 'The connection ended before the whole body had arrived; send the file again.';
    throw new GatewayError('incomplete_body', message, { cause: error });
  }
}
