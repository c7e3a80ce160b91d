import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Context, runIn } from '../platform/context.ts';
import { parseTrace } from '../platform/trace-context.ts';

/** On whose account a request is served: its own, in the trace that it came with. */
export const contextOf = ({ id, headers }: FastifyRequest): Context => ({
  request: id,
  trace: parseTrace(headers.traceparent, headers.tracestate),
});

/** Has all that routes do from here on done on account of the request. */
export const followRequests = (app: FastifyInstance): void => {
  app.addHook('onRequest', (request, _reply, done) => runIn(contextOf(request), done));
  // What parses a body is called by the socket, which knows of no request.
  app.addHook('preValidation', (request, _reply, done) => runIn(contextOf(request), done));
};
