import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll } from 'vitest';

/** A way to a server on which connections break. */
export interface CuttingProxy {
  readonly url: string;
  /** Leads to another server from the next connection on. */
  leadTo(url: string): void;
  /** Breaks one connection, the next that has carried so many more bytes to the server than all of them until now. */
  cutAfter(bytes: number): void;
  /** Resolves once that has been done as often as asked for. */
  cutsLeft(): number;
  /** What clients have sent through it. */
  carriedBytes(): number;
}

const closers: (() => void)[] = [];

// Registered when a test file imports this.
afterAll(() => {
  for (const close of closers.splice(0)) close();
});

/** Starts a proxy of bare TCP in front of the server at `url`. It ends with the test file. */
export const startCuttingProxy = async (url: string): Promise<CuttingProxy> => {
  let target = new URL(url);
  let carriedBytes = 0;
  const cuts: number[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket.setNoDelay());
      socket.on('error', end).on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    upstream.pipe(client);
    client.on('data', (chunk: Buffer) => {
      const cutAt = cuts[0];
      const isCut = cutAt !== undefined && carriedBytes + chunk.length >= cutAt;
      const part = isCut ? chunk.subarray(0, cutAt - carriedBytes) : chunk;
      carriedBytes += part.length;
      if (isCut) {
        cuts.shift();
        // What has come so far arrives; then both sides see the connection break.
        upstream.end(part);
        client.resetAndDestroy();
      } else if (!upstream.write(part)) {
        client.pause();
        upstream.once('drain', () => client.resume());
      }
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    leadTo: (other) => {
      target = new URL(other);
    },
    cutAfter: (bytes) => void cuts.push((cuts.at(-1) ?? carriedBytes) + bytes),
    cutsLeft: () => cuts.length,
    carriedBytes: () => carriedBytes,
  };
};
