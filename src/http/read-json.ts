import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../core/errors.ts';
import { readRawBody } from '../ingest/raw-body.ts';

const MAX_BYTES = 64 * 2 ** 10;

/** Reads a small JSON body on a route that reads its bodies itself. Rejects with `invalid_request` or `incomplete_body`. */
export const readJson = async (request: IncomingMessage): Promise<unknown> => {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of readRawBody(request)) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_BYTES) throw new GatewayError('invalid_request', 'The JSON body is too large.');
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    throw new GatewayError('invalid_request', 'The body is not valid JSON.', { cause: error });
  }
};
