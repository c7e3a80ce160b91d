import type { IncomingMessage } from 'node:http';
import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { authorizationOf, graceHeaders } from './authentication.ts';
import type { Sites } from './sites.ts';

/** What is spoken at each place: a browser names it besides its token, since one of the protocols that it offers must be the answer. */
const PROTOCOLS: ReadonlyMap<string, string> = new Map([
  ['/v1/events', 'waybill'],
  ['/mcp', 'mcp'],
]);
/** Browsers cannot set headers of a WebSocket, so a token may come as a protocol, which is never chosen. */
const TOKEN_PROTOCOL = /^bearer\.(.*)$/iu;
/** Of any message, at any place; where less is expected, less is taken. */
export const MAX_MESSAGE_BYTES = 256 * 2 ** 10;
/** Each is kept apart until its message is whole, at some hundred bytes besides its own. */
const MAX_FRAGMENTS = 256;
const MAX_BUFFERED_CHUNKS = 4_096;
/** How long a peer may take to answer the end of its connection. */
const CLOSE_MS = 2_000;
const PING_MS = 15_000;
/** How long a peer may leave pings unanswered. */
const SILENT_MS = 60_000;

/** Whether a request is answered by a WebSocket. Any other offer to change the protocol, such as `h2c`, is passed over, as HTTP allows. */
export const isWebSocketRequest = ({ method, url = '', headers }: IncomingMessage): boolean =>
  method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && PROTOCOLS.has(pathOf(url));

const pathOf = (url: string): string => url.split('?', 1)[0] ?? '';

/** Those that end by themselves when the server closes. */
const endingThemselves = new WeakSet<WebSocket>();

/** For whoever closes the socket before the server is closed. */
export const endsItself = (socket: WebSocket): void => void endingThemselves.add(socket);

/**
 * Lets routes registered after this on `app` have a `wsHandler`. Pages of foreign origins are refused before the upgrade.
 * Whatever is still open when the server closes ends with 1001.
 */
export const registerWebSockets = async (app: FastifyInstance, sites: Sites): Promise<void> => {
  // The types lag behind `ws`, which knows `closeTimeout`.
  const options = {
    maxPayload: MAX_MESSAGE_BYTES,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: MAX_BUFFERED_CHUNKS,
    closeTimeout: CLOSE_MS,
    handleProtocols: (offered: Set<string>, { url = '' }: IncomingMessage) => {
      const protocol = PROTOCOLS.get(pathOf(url));
      return protocol !== undefined && offered.has(protocol) && protocol;
    },
  };
  await app.register(websocket, {
    options,
    // The connection is lost or was misused: `ws` has told the peer and closes it.
    errorHandler: (_error, socket) => socket.terminate(),
    preClose: async () => {
      for (const socket of app.websocketServer.clients)
        if (!endingThemselves.has(socket)) closeGoingAway(socket);
    },
  });
  app.addHook('onRequest', async ({ ws, headers }) => {
    if (ws) sites.refuseForeignOrigin(headers);
  });
  app.websocketServer.on('headers', (headers, request) => {
    for (const [name, value] of Object.entries(graceHeaders(request))) headers.push(`${name}: ${value}`);
  });
};

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

/** Ends a connection whose peer has not been heard of for long, and keeps others open. */
export const keepOpen = (socket: WebSocket): void => {
  let heardAtMs = performance.now();
  const heard = (): void => {
    heardAtMs = performance.now();
  };
  const pinging = setInterval(() => {
    if (performance.now() - heardAtMs > SILENT_MS) socket.terminate();
    else if (socket.readyState === socket.OPEN) socket.ping();
  }, PING_MS);
  socket.on('pong', heard).on('message', heard);
  socket.on('close', () => clearInterval(pinging));
};
