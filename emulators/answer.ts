import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { RequestRecord } from './request-log.ts';

/** One request being answered. `signal` aborts when the client is gone or the emulator closes. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly record: RequestRecord;
  readonly signal: AbortSignal;
}

/** An answer before it is sent, so that a fault can still change it. */
export interface Answer {
  readonly status: number;
  /** Win over the ones that follow from the body. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body:
    | { readonly json: unknown }
    | { readonly raw: Buffer; readonly type: string }
    | { readonly path: string; readonly sizeBytes: number; readonly type: string };
}

export const jsonAnswer = (status: number, json: unknown): Answer => ({
  status,
  headers: {},
  body: { json },
});

export const rawAnswer = (
  status: number,
  raw: string | Buffer,
  { type, headers = {} }: { type: string; headers?: Readonly<Record<string, string>> },
): Answer => ({ status, headers, body: { raw: Buffer.from(raw), type } });

/** The body's bytes in memory; of a body on disk too, so only for answers a fault changes. */
export const bodyBytes = async ({ body }: Answer): Promise<Buffer> => {
  if ('raw' in body) return body.raw;
  return 'path' in body ? readFile(body.path) : Buffer.from(JSON.stringify(body.json));
};

/** Sends the answer and notes its status in the record. */
export const sendAnswer = async ({ response, record }: Exchange, answer: Answer): Promise<void> => {
  const { status, headers, body } = answer;
  record.status = status;
  if ('path' in body) {
    const own = { 'content-type': body.type, 'content-length': body.sizeBytes };
    response.writeHead(status, { ...own, ...headers });
    await pipeline(createReadStream(body.path), response);
    return;
  }
  const payload = await bodyBytes(answer);
  response.writeHead(status, {
    'content-type': mediaType(answer),
    'content-length': payload.length,
    ...headers,
  });
  response.end(payload);
};

export const mediaType = ({ body }: Answer): string =>
  'json' in body ? 'application/json; charset=utf-8' : body.type;
