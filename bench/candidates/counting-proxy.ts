import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import type { Candidate } from './candidate.ts';

export interface CountingProxy extends Candidate {
  readonly url: string;
  /** What clients have sent through it, headers included. */
  sentBytes(): number;
}

/** Stands before a server and counts what clients send to it. Only for counting: it is in the bench's own process. */
export const startCountingProxy = async (target: {
  readonly url: string;
  readonly pid: number;
}): Promise<CountingProxy> => {
  const { port } = new URL(target.url);
  let sentBytes = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), '127.0.0.1');
    client.on('data', (chunk) => {
      sentBytes += chunk.length;
    });
    client.pipe(upstream).pipe(client);
    // Either side may break; the other one hears of it.
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    name: 'proxy',
    pid: target.pid,
    does: 'counts',
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sentBytes: () => sentBytes,
    clear: async () => undefined,
    stop: async () => void server.close(),
  };
};
