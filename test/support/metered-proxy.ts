import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll } from 'vitest';

/** Stands between a client and a gateway, counts what the client sends, and stops it where it is told to. */
export interface MeteredProxy {
  readonly url: string;
  /** Bytes that have been passed on to the gateway. */
  passedBytes(): number;
  /** Passes on no more than so many bytes from now on; Infinity ends that. */
  limit(bytes: number): void;
  /** Where connections go from now on. */
  target(url: string): void;
}

const closing: (() => void)[] = [];

// Registered when a test file imports this.
afterAll(() => {
  for (const close of closing.splice(0)) close();
});

export const startMeteredProxy = async (first: string): Promise<MeteredProxy> => {
  let target = new URL(first);
  let passedBytes = 0;
  let leftBytes = Number.POSITIVE_INFINITY;
  const waiting = new Set<() => void>();
  const sockets = new Set<Socket>();
  const pass = async (from: Socket, to: Socket): Promise<void> => {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      for (let rest = chunk; rest.length > 0; ) {
        while (leftBytes <= 0) await new Promise<void>((resolve) => waiting.add(resolve));
        const part = rest.subarray(0, Math.min(rest.length, leftBytes));
        rest = rest.subarray(part.length);
        leftBytes -= part.length;
        passedBytes += part.length;
        if (!to.write(part)) await new Promise((resolve) => to.once('drain', resolve));
      }
    }
    to.end();
  };
  const server = createServer((client) => {
    const gateway = connect(Number(target.port), target.hostname);
    for (const [socket, other] of [
      [client, gateway],
      [gateway, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    gateway.pipe(client);
    pass(client, gateway).catch(() => gateway.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passedBytes: () => passedBytes,
    limit: (bytes) => {
      leftBytes = bytes;
      for (const wake of waiting) wake();
      waiting.clear();
    },
    target: (url) => {
      target = new URL(url);
    },
  };
};
