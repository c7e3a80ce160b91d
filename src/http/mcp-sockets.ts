import type { McpServerFactory } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import type { WebSocket } from 'ws';
import { GatewayError } from '../core/errors.ts';
import { createWebSocketTransport } from '../mcp/web-socket-transport.ts';
import { endOfToken, type TokenWatch } from './token-watch.ts';
import { closeGoingAway, endsItself, keepOpen } from './websockets.ts';

/** The WebSockets over which MCP is spoken. */
export interface McpSockets {
  /**
   * Speaks it until either side closes, or with 1008 until the token ends. Throws `rate_limited` when the owner has too
   * many open.
   */
  serve(socket: WebSocket, options: ServeSocket): void;
  /** Closes them all with 1001. */
  close(): void;
}

interface ServeSocket extends Pick<TokenWatch, 'principal' | 'recheck'> {
  readonly factory: McpServerFactory;
  readonly onError: (error: Error) => void;
}

/** Enough for every agent of a person; each costs a socket and a server. */
const MAX_PER_OWNER = 32;

export const createMcpSockets = (): McpSockets => {
  /** Each with its owner. */
  const open = new Map<WebSocket, string>();
  return {
    serve: (socket, { factory, onError, principal, recheck }) => {
      const { sub: owner } = principal;
      if ([...open.values()].filter((other) => other === owner).length >= MAX_PER_OWNER) throw tooMany();
      open.set(socket, owner);
      endsItself(socket);
      keepOpen(socket);
      const gone = new AbortController();
      socket.once('close', () => {
        open.delete(socket);
        gone.abort();
      });
      const expired = endOfToken({ principal, recheck, done: gone.signal });
      expired.addEventListener('abort', () => socket.close(1008, 'Unauthorized'), { once: true });
      // Either protocol era, as the client opens it: what stdio is served with is for any connection.
      serveStdio(factory, { transport: createWebSocketTransport(socket), onerror: onError });
    },
    close: () => {
      for (const socket of open.keys()) closeGoingAway(socket);
    },
  };
};

const tooMany = (): GatewayError =>
  new GatewayError(
    'rate_limited',
    `You have ${MAX_PER_OWNER} MCP connections open, as many as there may be.`,
  );
