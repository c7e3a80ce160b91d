import type { IncomingMessage } from 'node:http';
import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';

/** What a browser names besides its token, since it must be answered with one of the protocols that it offers. */
const PROTOCOL = 'waybill';
/** Browsers cannot set headers of a WebSocket, so a token may come as a protocol, which is never chosen. */
const TOKEN_PROTOCOL = /^bearer\.([\w-]+\.[\w-]+\.[\w-]+)$/u;
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

/** Lets routes registered after this on `app` have a `wsHandler`. Whatever of theirs is still open when the server closes ends with 1001. */
export const registerWebSockets = async (app: FastifyInstance): Promise<void> => {
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
};

/** The `Authorization` of a WebSocket's request, if need be made of the token among its protocols. */
export const webSocketAuthorization = ({ headers }: FastifyRequest): string | undefined => {
  if (headers.authorization !== undefined) return headers.authorization;
  const offered = headers['sec-websocket-protocol']?.split(',') ?? [];
  const [token] = offered.flatMap((protocol) => TOKEN_PROTOCOL.exec(protocol.trim())?.[1] ?? []);
  return token === undefined ? undefined : `Bearer ${token}`;
};

export const closeGoingAway = (socket: WebSocket): void => socket.close(1001, 'The gateway is stopping.');
