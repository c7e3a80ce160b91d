import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { Tokens } from '../../admission/tokens.ts';
import type { Principal } from '../../core/principal.ts';
import type { RunningCalls } from '../../mcp/running-calls.ts';
import type { Logger } from '../../platform/log.ts';
import { announceGrace, authenticate, authenticateOrCount } from '../authentication.ts';
import { createMcpHttp } from '../mcp-http.ts';
import type { McpServerFor } from '../mcp-servers.ts';
import { createMcpSockets } from '../mcp-sockets.ts';
import { countCall } from '../rate-limiting.ts';
import type { Sites } from '../sites.ts';
import { closeRefused } from '../web-socket-events.ts';
import { MAX_MESSAGE_BYTES, webSocketAuthorization } from '../websockets.ts';

export interface McpRouteOptions {
  readonly tokens: Tokens;
  readonly sites: Sites;
  readonly serverFor: McpServerFor;
  /** The calls of those servers. */
  readonly running: RunningCalls;
  readonly log: Logger;
}

/** How long a stop waits for calls, less than for requests, so that their answers still leave. */
const STOP_GRACE_MS = 8_000;

/** `/mcp`: MCP over streamable HTTP and over a WebSocket. `registerWebSockets` first, and bodies left alone. */
export const mcpRoute: FastifyPluginAsyncZod<McpRouteOptions> = async (
  app,
  { tokens, sites, serverFor, running, log },
) => {
  const onError = (error: Error): void => log.debug({ event: 'mcp_refused', err: error });
  const sockets = createMcpSockets();
  const http = createMcpHttp({ serverFor, running, maxMessageBytes: MAX_MESSAGE_BYTES, onError });
  app.addHook('preClose', async () => {
    await running.idle(AbortSignal.timeout(STOP_GRACE_MS));
    // What a call comes to is handed to its connection in the turn in which it ends.
    await nextTurn();
    sockets.close();
    await http.close();
  });
  announceGrace(app);
  app.addHook('onRequest', async (request, reply) => {
    sites.refuseForeignOrigin(request.headers);
    sites.refuseForeignHost(request.raw);
    if (!request.ws) await authenticateOrCount(request, reply, tokens);
  });
  // Refused only after the connection is accepted: a browser cannot be told why otherwise.
  const admitted = new WeakMap<FastifyRequest, PromiseSettledResult<Principal>>();
  app.addHook('preHandler', async (request, reply) => {
    if (!request.ws) return;
    const admitting = authenticate(request, tokens, socketAuthorization(request)).finally(() =>
      countCall(request, reply),
    );
    const [outcome] = await Promise.allSettled([admitting]);
    admitted.set(request, outcome);
  });
  // The OpenAPI document is of the API; this is another.
  const route = { url: '/mcp', schema: { hide: true }, handler: http.answer };
  app.route({ ...route, method: ['POST', 'DELETE'], config: { scope: 'files:read' } });
  app.route({
    ...route,
    method: 'GET',
    exposeHeadRoute: false,
    wsHandler: (socket, request) => {
      const outcome = admitted.get(request);
      try {
        if (outcome?.status !== 'fulfilled') throw outcome?.reason;
        const principal = outcome.value;
        const authorization = socketAuthorization(request);
        sockets.serve(socket, {
          principal,
          recheck: async () => void (authorization && (await tokens.verify(authorization))),
          factory: () => serverFor({ request, principal, session: null, countedCalls: 0 }),
          onError,
        });
      } catch (error) {
        closeRefused(socket, error);
      }
    },
  });
};

/** As for events, and as a parameter of the address (RFC 6750, 2.3): the SDK's own client can send it nowhere else. */
const socketAuthorization = (request: FastifyRequest): string | undefined => {
  const { access_token: given } = request.query as { readonly access_token?: unknown };
  const tokens = given === undefined ? [] : [given].flat().map((token) => `Bearer ${token}`);
  const all = [webSocketAuthorization(request) ?? [], tokens].flat();
  return all.length === 0 ? undefined : all.join(', ');
};
