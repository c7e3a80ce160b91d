import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Client } from 'pg';

/** A pooler that is in front of a database until the caller closes it. */
export interface TransactionPooler {
  readonly url: string;
  close(): Promise<void>;
}

const SSL_REQUEST = 80_877_103;
const CONNECTIONS = 12;
const HEADER_BYTES = 5;
/** Each of these is answered by one ReadyForQuery. */
const ENDS_OF_REQUESTS = new Set(['Q', 'S']);

/**
 * Gives each transaction another connection of the server, in turn, as poolers in transaction mode may, so that nothing that
 * relies on a session goes unnoticed. Like PgBouncer it refuses settings at the start. Source: PostgreSQL's documentation,
 * Frontend/Backend Protocol, Message Formats.
 */
export const startTransactionPooler = async (url: string): Promise<TransactionPooler> => {
  const idle: Socket[] = [];
  const waiting: ((server: Socket) => void)[] = [];
  const sockets = new Set<Socket>();
  const give = (server: Socket): void => {
    const next = waiting.shift();
    if (next === undefined) idle.push(server);
    else next(server);
  };
  const take = (use: (server: Socket) => void): void => {
    const server = idle.shift();
    if (server === undefined) waiting.push(use);
    else use(server);
  };
  const replace = async (): Promise<void> => give(await openServer(url, sockets));
  await Promise.all(Array.from({ length: CONNECTIONS }, replace));

  const listener = createServer((client) => {
    sockets.add(client);
    serve(client, { take, give, replace });
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const address = new URL(url);
  address.port = String((listener.address() as AddressInfo).port);
  return {
    url: address.href,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
};

/** A connection that has been signed in, as a bare socket. */
const openServer = async (url: string, sockets: Set<Socket>): Promise<Socket> => {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  const { stream } = (client as Client & { connection: { stream: Socket } }).connection;
  sockets.add(stream);
  return stream.removeAllListeners('data');
};

interface Servers {
  take(use: (server: Socket) => void): void;
  give(server: Socket): void;
  replace(): Promise<void>;
}

const serve = (client: Socket, { take, give, replace }: Servers): void => {
  let server: Socket | undefined;
  let unanswered = 0;
  const held: Buffer[] = [];

  const onAnswer = framesInto((type, frame) => {
    client.write(frame);
    if (type !== 'Z') return;
    unanswered -= 1;
    if (unanswered > 0 || frame.toString('latin1', HEADER_BYTES) !== 'I' || server === undefined) return;
    const free = server.removeListener('data', onAnswer);
    server = undefined;
    give(free);
  });
  const onRequest = framesInto((type, frame) => {
    if (type === 'X') return void client.end();
    if (ENDS_OF_REQUESTS.has(type)) unanswered += 1;
    if (server !== undefined) return void server.write(frame);
    if (held.push(frame) > 1) return;
    take((taken) => {
      if (client.destroyed) return give(taken);
      server = taken.on('data', onAnswer);
      server.write(Buffer.concat(held.splice(0)));
    });
  });
  client.on('error', () => undefined);
  client.on('close', () => {
    if (server === undefined) return;
    // In the middle of a transaction, which ends with its connection.
    server.destroy();
    replace().catch(() => undefined);
  });
  client.once('data', (first) => greet(client, first, onRequest));
};

const greet = (client: Socket, startup: Buffer, onRequest: (piece: Buffer) => void): void => {
  if (startup.readInt32BE(4) === SSL_REQUEST) {
    client.write('N');
    client.once('data', (next) => greet(client, next, onRequest));
    return;
  }
  if (startup.includes('_timeout\0')) {
    client.end(message('E', 'SFATAL\0C08P01\0Munsupported startup parameter\0\0'));
    return;
  }
  client.on('data', onRequest);
  client.write(
    Buffer.concat([message('R', '\0\0\0\0'), message('K', '\0\0\0\0\0\0\0\0'), message('Z', 'I')]),
  );
};

const message = (type: string, body: string): Buffer => {
  const frame = Buffer.from(`${type}    ${body}`, 'latin1');
  frame.writeInt32BE(frame.length - 1, 1);
  return frame;
};

/** Puts pieces together and calls back with each whole message. */
const framesInto = (onFrame: (type: string, frame: Buffer) => void): ((piece: Buffer) => void) => {
  let rest: Buffer = Buffer.alloc(0);
  return (piece) => {
    rest = Buffer.concat([rest, piece]);
    while (rest.length >= HEADER_BYTES && rest.length > rest.readInt32BE(1)) {
      const end = rest.readInt32BE(1) + 1;
      const frame = rest.subarray(0, end);
      rest = rest.subarray(end);
      onFrame(frame.toString('latin1', 0, 1), frame);
    }
  };
};
