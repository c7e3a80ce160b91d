import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { GatewayError } from '../core/errors.ts';
import { authorizationOf, graceHeaders } from './authentication.ts';

/** What a browser names besides its token, since it must be answered with one of the protocols that it offers. */
const PROTOCOL = 'waybill';
/** Browsers cannot set headers of a WebSocket, so a token may come as a protocol, which is never chosen. */
const TOKEN_PROTOCOL = /^bearer\.(.*)$/iu;
/** Nothing is expected from clients. */
const MAX_MESSAGE_BYTES = 4_096;
/** How long a peer may take to answer the end of its connection. */
const CLOSE_MS = 2_000;
const UPGRADABLE_PATHS: ReadonlySet<string> = new Set(['/v1/events']);

/** Whether a request is answered by a WebSocket. Any other offer to change the protocol, such as `h2c`, is passed over, as HTTP allows. */
export const isWebSocketRequest = ({ method, url = '', headers }: IncomingMessage): boolean =>
  method === 'GET' &&
  headers.upgrade?.toLowerCase() === 'websocket' &&
  UPGRADABLE_PATHS.has(url.split('?', 1)[0] ?? '');

/**
 * Lets routes registered after this on `app` have a `wsHandler`. Pages of other origins than `webOrigins` and the
 * request's own host are refused before the upgrade. Whatever is still open when the server closes ends with 1001.
 */
export const registerWebSockets = async (
  app: FastifyInstance,
  webOrigins: readonly string[],
): Promise<void> => {
  // The types lag behind `ws`, which knows `closeTimeout`.
  const options = {
    maxPayload: MAX_MESSAGE_BYTES,
    closeTimeout: CLOSE_MS,
    handleProtocols: (offered: Set<string>) => offered.has(PROTOCOL) && PROTOCOL,
  };
  await app.register(websocket, {
    options,
    // The connection is lost or was misused: `ws` has told the peer and closes it.
    errorHandler: (_error, socket) => socket.terminate(),
    preClose: async () => {
      for (const socket of app.websocketServer.clients) closeGoingAway(socket);
    },
  });
  const known = new Set(webOrigins.map((origin) => origin.toLowerCase()));
  app.addHook('onRequest', async ({ ws, headers }) => {
    if (ws && !isKnownOrigin(headers, known)) throw foreignOrigin();
  });
  app.websocketServer.on('headers', (headers, request) => {
    for (const [name, value] of Object.entries(graceHeaders(request))) headers.push(`${name}: ${value}`);
  });
};

/** Browsers always say where a WebSocket comes from, and let any page open one (RFC 6455, 10.2; ASVS 4.4.2). */
const isKnownOrigin = ({ origin, host }: IncomingHttpHeaders, known: ReadonlySet<string>): boolean => {
  if (origin === undefined || known.has(origin.toLowerCase())) return true;
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
};

const foreignOrigin = (): GatewayError =>
  new GatewayError(
    'origin_not_allowed',
    'Pages of this origin may not connect here; its operator can name it in CORS_ORIGINS.',
  );

/**
 * The `Authorization` of a WebSocket's request: the header, or one made of the token among its protocols. Undefined when
 * there is neither; a token in the wrong form or one too many is an authorization too, a bad one.
 */
export const webSocketAuthorization = ({ raw, headers }: FastifyRequest): string | undefined => {
  const offered = headers['sec-websocket-protocol']?.split(',') ?? [];
  const tokens = offered.flatMap((protocol) => TOKEN_PROTOCOL.exec(protocol.trim())?.[1] ?? []);
  const all = [authorizationOf(raw) ?? [], tokens.map((token) => `Bearer ${token}`)].flat();
  return all.length === 0 ? undefined : all.join(', ');
};

export const closeGoingAway = (socket: WebSocket): void => socket.close(1001, 'The gateway is stopping.');
