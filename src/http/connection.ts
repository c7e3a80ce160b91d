import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { GatewayError } from '../core/errors.ts';
import { beforeBody } from '../ingest/raw-body.ts';
import { socketLimits } from './socket-limits.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route reads its body itself; see `leaveBodies`. */
    readsBody?: boolean;
  }
}

/** How long a client may go on sending a body that has been answered already. */
const DRAIN_MS = 5_000;

/**
 * Makes refusals arrive, and be the last word. A client that asked with `Expect: 100-continue` is told to go on only once
 * its request has been admitted, and where a route reads the body itself, when it does. One that is still sending when it
 * is answered is read for a while and thrown away, since closing at once would reset the connection and lose the answer on
 * its way. Behind a body that was refused no request is believed, since it may be what the body went on with.
 */
export const registerConnectionRules = (app: FastifyInstance): void => {
  answerInTurn(app);
  app.server.on('checkContinue', (request, response) => app.routing(request, response));
  // RFC 9112, 3.2. Node would refuse it as well, but without a body.
  app.addHook('onRequest', async ({ headers, raw }) => {
    if (headers.host !== undefined || raw.httpVersion !== '1.1') return;
    throw new GatewayError('invalid_request', 'The request has no Host header.');
  });
  app.addHook('onRequest', async ({ raw }) => {
    if (raw.rawHeaders.length / 2 <= socketLimits.headers) return;
    throw new GatewayError('headers_too_large', `The request has more than ${socketLimits.headers} headers.`);
  });
  app.addHook('preParsing', async (request, reply) => {
    if (!/^100-continue$/iu.test(request.headers.expect ?? '')) return;
    const goOn = () => reply.raw.writeContinue();
    if (request.routeOptions.config.readsBody === true) beforeBody(request.raw, goOn);
    else goOn();
  });
  let isClosing = false;
  app.addHook('preClose', async () => {
    isClosing = true;
  });
  app.addHook('onSend', async ({ raw, routeOptions }, reply) => {
    if (!raw.complete) closeOnceRead(raw);
    const isRefused = reply.statusCode >= 400 && routeOptions.config.readsBody === true;
    // A connection kept alive for the next request would keep a stop waiting for its whole grace.
    if (isClosing || isRefused) reply.header('connection', 'close');
  });
  app.addHook('onResponse', async ({ raw }) => {
    if (raw.complete) return;
    const { socket } = raw;
    const deadline = setTimeout(() => socket.destroy(), DRAIN_MS);
    raw.once('close', () => clearTimeout(deadline));
    // Whatever was reading it would take the rest in at the pace of the network.
    raw.unpipe();
    raw.resume();
  });
};

/**
 * A connection that ends with its answer ends for writing at once, and for reading when the client has sent what it was
 * sending. Node would end both: a client that writes into that meets a reset, often before it has looked for an answer.
 */
const closeOnceRead = (request: IncomingMessage): void => {
  const { socket } = request;
  const close = (): void => Socket.prototype.destroySoon.call(socket);
  socket.destroySoon = () => {
    if (request.complete) return close();
    socket.end();
    request.once('close', close);
  };
};

/** Node gives out requests that were sent one behind the other (RFC 9112, 9.3.2) before the first has been answered. */
const answerInTurn = (app: FastifyInstance): void => {
  const lastOf = new WeakMap<Socket, ServerResponse>();
  const waitingOn = new WeakMap<Socket, number>();
  app.addHook('onRequest', async ({ raw }, reply) => {
    const before = lastOf.get(raw.socket);
    lastOf.set(raw.socket, reply.raw);
    if (before === undefined) return;
    if (!before.closed) {
      const waiting = (waitingOn.get(raw.socket) ?? 0) + 1;
      waitingOn.set(raw.socket, waiting);
      if (waiting > socketLimits.requestsBehind) {
        raw.socket.destroy();
        return reply.hijack();
      }
      await once(before, 'close');
      waitingOn.set(raw.socket, (waitingOn.get(raw.socket) ?? 1) - 1);
    }
    // The connection ends with the answer before: this one is not for anybody.
    if (before.getHeader('connection') === 'close') return reply.hijack();
  });
};

/** Aborts when the client goes away before it is answered. */
export const abortOnClose = (reply: FastifyReply): AbortSignal => {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort(new Error('The client went away.'));
  });
  return gone.signal;
};
