import type { IncomingMessage } from 'node:http';
import { readRawBody } from '../ingest/raw-body.ts';

/** What came in the body of a POST. */
export type McpBody =
  | { readonly kind: 'json'; readonly value: unknown; readonly text: string }
  | { readonly kind: 'malformed'; readonly text: string }
  | { readonly kind: 'too_large' };

/** Reads a message, or some in one body. Rejects with `incomplete_body` when the client goes away. */
export const readMcpBody = async (request: IncomingMessage, maxBytes: number): Promise<McpBody> => {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of readRawBody(request)) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) return { kind: 'too_large' };
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  try {
    return { kind: 'json', value: JSON.parse(text), text };
  } catch {
    return { kind: 'malformed', text };
  }
};

/** Whether it opens a connection of the 2025 protocol. */
export const isInitialize = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'method' in value && value.method === 'initialize';
