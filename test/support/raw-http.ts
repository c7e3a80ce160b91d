import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { until } from './until.ts';

export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A bare connection, for what no HTTP client would send. */
export interface RawConnection {
  send(data: string | Buffer): Promise<void>;
  /** Ends our side, as a client does that has nothing more to say. */
  end(): void;
  /** Cuts the connection: the other side meets a reset. */
  reset(): void;
  /** Takes nothing in from now on, so that the other side meets a full line. */
  pause(): void;
  /** Whether the other side has cut the connection, or closed it to what was still being sent. */
  wasReset(): boolean;
  /** Everything that has come so far. */
  received(): string;
  /** The first complete final answer. Interim ones (1xx) are passed over. */
  answer(): Promise<RawAnswer>;
  /** Resolves once the other side has closed. */
  closed(): Promise<void>;
}

/** Opens a connection to the server at `url`; rejects when nobody listens. The caller ends or resets it. */
export const openRaw = async (url: string): Promise<RawConnection> => {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect({ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: true });
  let received = Buffer.alloc(0);
  let isClosed = false;
  socket.on('data', (data: Buffer) => {
    received = Buffer.concat([received, data]);
  });
  let wasReset = false;
  // A reset is one of the answers a test may wait for.
  socket.on('error', () => {
    wasReset = true;
  });
  for (const event of ['end', 'close'])
    socket.on(event, () => {
      isClosed = true;
    });
  await once(socket, 'connect');
  return {
    send: (data) => new Promise((resolve) => void socket.write(data, () => resolve())),
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    pause: () => void socket.pause(),
    wasReset: () => wasReset,
    received: () => received.toString('latin1'),
    answer: () => until('an answer', () => parseAnswer(received.toString('latin1'), isClosed)),
    closed: async () => void (await until('the other side closes', () => isClosed)),
  };
};

/** Sends one whole message and answers with the first answer. */
export const rawRequest = async (url: string, message: string | Buffer): Promise<RawAnswer> => {
  const connection = await openRaw(url);
  await connection.send(message);
  const answer = await connection.answer();
  connection.reset();
  return answer;
};

const parseAnswer = (text: string, isClosed: boolean): RawAnswer | null => {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const status = Number(statusLine.split(' ')[1]);
  const rest = text.slice(end + 4);
  if (status < 200) return parseAnswer(rest, isClosed);
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const length = Number(headers.get('content-length') ?? 0);
  if (rest.length < length && !isClosed) return null;
  return { status, headers, body: rest.slice(0, length) };
};
