import type { EventEmitter } from 'node:events';
import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Tokens } from '../../admission/tokens.ts';
import { errorResponses } from '../../api/error-envelope.ts';
import { eventObject } from '../../api/event-object.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { Logger } from '../../platform/log.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { announceGrace, authenticate, authenticateOrCount, authorizationOf } from '../authentication.ts';
import { createEventStreams, type OpenEventStream } from '../event-streams.ts';
import { principalOf } from '../principals.ts';
import { countCall } from '../rate-limiting.ts';
import { createServerSentEvents } from '../sse.ts';
import { closeAfter, closeRefused, createWebSocketEvents } from '../web-socket-events.ts';
import { webSocketAuthorization } from '../websockets.ts';

/** Fifteen digits are milliseconds of some 30,000 years, which a date can hold. */
const cursor = z
  .string()
  .regex(/^\d{1,15}$/u, { error: 'must be the id of an event' })
  .optional()
  .describe('The id of the last event seen: first comes the present state of every file changed since');
const query = z.object({ last_event_id: cursor });
const headers = z.looseObject({ 'last-event-id': cursor });

interface Resuming {
  readonly headers: z.output<typeof headers>;
  readonly query: z.output<typeof query>;
}

/** `GET /v1/events`: what happens to the caller's own files, as server-sent events or over a WebSocket; `registerWebSockets` first. */
export const watchFilesRoute: FastifyPluginAsyncZod<{
  pipeline: Pipeline;
  tokens: Tokens;
  metrics: Metrics;
  log: Logger;
}> = async (app, { pipeline, tokens, metrics, log }) => {
  const stopping = new AbortController();
  const streams = createEventStreams(pipeline, {
    stopping: stopping.signal,
    onOpen: metrics.http.streamOpened,
  });
  const open = (request: FastifyRequest, resuming: Resuming, closing: EventEmitter) => {
    const gone = new AbortController();
    closing.once('close', () => gone.abort());
    const principal = principalOf(request);
    const authorization = request.ws ? webSocketAuthorization(request) : authorizationOf(request.raw);
    return streams.open({
      principal,
      sinceMs: sinceMs(resuming),
      gone: gone.signal,
      recheck: async () => void (authorization && (await tokens.verify(authorization))),
    });
  };
  app.addHook('preClose', async () => stopping.abort());
  announceGrace(app);

  const sockets = new WeakMap<FastifyRequest, PromiseSettledResult<OpenEventStream>>();
  app.addHook('onRequest', async (request, reply) => {
    if (!request.ws) await authenticateOrCount(request, reply, tokens);
  });
  // Opened before the connection is accepted, so that its client misses nothing from then on. Refused only after it is:
  // a browser cannot be told why otherwise.
  app.addHook('preHandler', async (request, reply) => {
    if (!request.ws) return;
    const opening = authenticate(request, tokens, webSocketAuthorization(request))
      .finally(() => countCall(request, reply))
      .then(() => open(request, request as Resuming, request.raw.socket));
    const [outcome] = await Promise.allSettled([opening]);
    sockets.set(request, outcome);
  });
  app.route({
    method: 'GET',
    url: '/v1/events',
    exposeHeadRoute: false,
    schema: {
      summary: 'Follow your files (server-sent events, or a WebSocket with Upgrade: websocket)',
      tags: ['Files'],
      querystring: query,
      headers,
      response: {
        200: {
          description: 'Each event has the newest state of one file.',
          content: { 'text/event-stream': { schema: eventObject } },
        },
        ...errorResponses,
      },
    },
    handler: async (request, reply) => {
      const stream = await open(request, request, reply.raw);
      const sink = createServerSentEvents(reply, stream.cursor);
      await stream.sendTo(sink).catch((error) => {
        log.warn({ event: 'events_cut', request: request.id, err: error });
      });
      sink.end();
      return reply;
    },
    wsHandler: async (socket, request) => {
      const sink = createWebSocketEvents(socket);
      try {
        const opened = sockets.get(request);
        if (opened?.status !== 'fulfilled') throw opened?.reason;
        closeAfter(socket, await opened.value.sendTo(sink));
      } catch (error) {
        const { httpStatus, code } = closeRefused(socket, error);
        if (httpStatus >= 500) log.warn({ event: 'events_cut', request: request.id, code, err: error });
      }
    },
  });
};

const sinceMs = ({ headers, query }: Resuming): number | undefined => {
  const id = headers['last-event-id'] ?? query.last_event_id;
  return id === undefined ? undefined : Number(id);
};
