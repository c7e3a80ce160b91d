import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { EventSink } from './event-streams.ts';

/** Below the shortest time after which proxies are known to give up a silent connection, 30 s. */
const HEARTBEAT_MS = 15_000;
/** After how long a client that lost the stream is to come back. */
const RETRY_MS = 1_000;
/** How long a client that reads slowly may hold up the end of its stream. */
const END_MS = 2_000;

export interface ServerSentEvents extends EventSink {
  /** Ends the stream, and the connection if the client does not take the end in. Idempotent. */
  end(): void;
}

/** An answer of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), begun at once. */
export const createServerSentEvents = (reply: FastifyReply, cursor: string): ServerSentEvents => {
  const stream = new PassThrough();
  // The framework destroys it with the connection; what was still being written then is nobody's.
  stream.on('error', () => undefined);
  reply.header('cache-control', 'no-store').header('x-accel-buffering', 'no');
  // Never used for another request, so that it does not outlive the stream.
  reply.header('connection', 'close').type('text/event-stream; charset=utf-8').send(stream);
  stream.write(`: waybill\nid: ${cursor}\nretry: ${RETRY_MS}\n\n`);
  const heartbeat = setInterval(() => {
    if (!stream.writableNeedDrain) stream.write(':\n\n');
  }, HEARTBEAT_MS);
  reply.raw.once('close', () => clearInterval(heartbeat));
  return {
    send: async ({ id, type, data }) => {
      const isDrained = stream.write(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
      if (!isDrained) await once(stream, 'drain');
    },
    end: () => {
      clearInterval(heartbeat);
      stream.end();
      const deadline = setTimeout(() => reply.raw.destroy(), END_MS);
      reply.raw.once('close', () => clearTimeout(deadline));
      if (reply.raw.closed) clearTimeout(deadline);
    },
  };
};
