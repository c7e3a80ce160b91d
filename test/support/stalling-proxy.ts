import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A stretch of network in front of a gateway, that can stop to carry anything. */
export interface StallingProxy {
  readonly url: string;
  /** What clients have sent since the last call of `stallAfter`, heads of requests included. */
  sentBytes(): number;
  /** From so many more bytes on, nothing that clients send gets through, and their connections stay open. */
  stallAfter(bytes: number): void;
  close(): Promise<void>;
}

/** Carries everything to `target` until told otherwise. The owner calls `close`. */
export const startStallingProxy = async (target: string): Promise<StallingProxy> => {
  let sentBytes = 0;
  let limitBytes = Number.POSITIVE_INFINITY;
  const sockets = new Set<Socket>();
  const { hostname, port } = new URL(target);
  const server = createServer((client) => {
    const gateway = connect(Number(port), hostname);
    for (const [socket, other] of [[client, gateway] as const, [gateway, client] as const]) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    gateway.pipe(client);
    client.on('data', (chunk) => {
      sentBytes += chunk.length;
      const isTaken = gateway.write(chunk);
      // Paused for good: only the end of the connection is still noticed.
      if (sentBytes >= limitBytes) client.pause();
      else if (!isTaken) {
        client.pause();
        gateway.once('drain', () => client.resume());
      }
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sentBytes: () => sentBytes,
    stallAfter: (bytes) => {
      sentBytes = 0;
      limitBytes = bytes;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};
