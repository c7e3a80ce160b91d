import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A server on loopback for what an emulator does not show: the bytes on the wire, or a broken connection. */
export interface RawServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Hands each connection over as it is. */
export const startSocketServer = (handle: (socket: Socket) => void): Promise<RawServer> =>
  listening(
    createServer((socket) => {
      socket.on('error', () => undefined);
      handle(socket);
    }),
  );

export interface ReceivedRequest {
  readonly request: IncomingMessage;
  readonly body: Buffer;
}

/** Reads each request to its end, then lets `answer` reply. */
export const startHttpServer = (
  answer: (received: ReceivedRequest, response: ServerResponse) => void,
): Promise<RawServer> =>
  listening(
    createHttpServer((request, response) => {
      void buffer(request).then(
        (body) => answer({ request, body }, response),
        () => response.destroy(),
      );
    }),
  );

/** An address on which nobody listens. */
export const refusedAddress = async (): Promise<string> => {
  const server = await startSocketServer((socket) => socket.destroy());
  await server.close();
  return server.url;
};

const listening = async (server: Server): Promise<RawServer> => {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
