import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Every limit of a connection, in one place. Node's own limit of a whole request (300 s) is off: a large file takes as
 * long as it takes. Its headers, its pace (`body-pace.ts`) and its silences are limited instead.
 */
export const socketLimits = {
  /** From the connection, or the answer before, to the end of the headers. A client has them ready when it connects. */
  headersMs: 20_000,
  /** How often Node looks for requests whose time is over. */
  checkEveryMs: 2_000,
  /** Without a byte moving in either direction: slow readers too. More than any heartbeat of ours, and than a wait is answered with. */
  idleMs: 120_000,
  /** Between requests. Longer than load balancers keep theirs (60 s), so that it is they who close. */
  keepAliveMs: 72_000,
  /** Of all headers together, as Node counts them; more is 431. */
  headerBytes: 16 * 2 ** 10,
  /** More is 431: Node would pass over what is beyond its own limit, be it the `Content-Length`. */
  headers: 100,
  /** Behind one that is being answered, on the same connection; with more it is closed. They wait, and are counted only then. */
  requestsBehind: 16,
  /** At once. Each costs some 30 KB; what comes beyond is closed unread. */
  connections: 4_000,
  /** That have not sent the headers of their first request yet: the longest waiting goes as another comes. */
  waiting: 512,
} as const;

/** Keeps connections that never say what they want from shutting out those that do. */
export const limitConnections = (
  server: Server,
  { waiting: most } = { waiting: socketLimits.waiting as number },
): void => {
  server.maxConnections = socketLimits.connections;
  // Counted where they are refused, in `connection.ts`.
  server.maxHeadersCount = 0;
  // In the order in which they came.
  const waiting = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    waiting.add(socket);
    socket.once('close', () => waiting.delete(socket));
    const [longest] = waiting;
    if (waiting.size > most) {
      if (longest !== undefined) waiting.delete(longest);
      longest?.destroy();
    }
  });
  const hasAsked = ({ socket }: { socket: Socket }): void => void waiting.delete(socket);
  server.on('request', hasAsked).on('checkContinue', hasAsked).on('upgrade', hasAsked);
};
