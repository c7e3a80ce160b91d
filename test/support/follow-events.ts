import { request } from 'undici';
import { afterAll } from 'vitest';
import { WebSocket } from 'ws';
import type { FileObject } from './create-api.ts';
import type { GatewayProcess } from './start-gateway.ts';

export interface SeenEvent {
  readonly id: string;
  readonly type: string;
  readonly data: { readonly id: string; readonly received_bytes?: number } & Partial<FileObject>;
  readonly atMs: number;
}

/** Events as one client has seen them so far. */
export interface Events {
  readonly seen: SeenEvent[];
  /** Why the stream ended; null while it goes on. */
  ended(): { readonly code: number | null; readonly reason: string } | null;
  close(): void;
}

interface Following {
  /** Null sends none. */
  readonly token?: string | null;
  readonly lastEventId?: string;
}

const closing: (() => void)[] = [];

// Registered when a test file imports this.
afterAll(() => {
  for (const close of closing.splice(0)) close();
});

type Gateway = Pick<GatewayProcess, 'url' | 'token'>;

/** Follows by server-sent events. Resolves once the stream is open; rejects with the body of another answer. */
export const followBySse = async (
  gateway: Gateway,
  { token = gateway.token, lastEventId }: Following = {},
): Promise<Events> => {
  const controller = new AbortController();
  closing.push(() => controller.abort());
  const { statusCode, headers, body } = await request(`${gateway.url}/v1/events`, {
    signal: controller.signal,
    headers: {
      accept: 'text/event-stream',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    },
    bodyTimeout: 0,
  });
  if (statusCode !== 200) throw new Error(`${statusCode} ${await body.text()}`);
  if (!String(headers['content-type']).startsWith('text/event-stream'))
    throw new Error('This is no event stream.');
  const seen: SeenEvent[] = [];
  let ended: ReturnType<Events['ended']> = null;
  const read = async (): Promise<void> => {
    let rest = '';
    for await (const chunk of body.setEncoding('utf8')) {
      const blocks = `${rest}${chunk}`.split('\n\n');
      rest = blocks.pop() ?? '';
      seen.push(...blocks.flatMap(toEvent));
    }
  };
  void read().then(
    () => (ended = { code: null, reason: 'end' }),
    (error) => (ended = { code: null, reason: String(error) }),
  );
  return { seen, ended: () => ended, close: () => controller.abort() };
};

const toEvent = (block: string): SeenEvent[] => {
  const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'mu').exec(block)?.[1];
  const [id, type, data] = [field('id'), field('event'), field('data')];
  if (id === undefined || type === undefined || data === undefined) return [];
  return [{ id, type, data: JSON.parse(data), atMs: performance.now() }];
};

export interface SocketEvents extends Events {
  readonly socket: WebSocket;
}

interface SocketFollowing extends Following {
  /** The protocols to offer; the token is then not sent as a header. */
  readonly protocols?: readonly string[];
}

/** Follows over a WebSocket, at once: what it is let in to is to be waited for. */
export const followByWebSocket = (
  gateway: Gateway,
  { token = gateway.token, lastEventId, protocols }: SocketFollowing = {},
): SocketEvents => {
  const query = lastEventId === undefined ? '' : `?last_event_id=${lastEventId}`;
  const address = `${gateway.url.replace(/^http/u, 'ws')}/v1/events${query}`;
  const isSent = token !== null && protocols === undefined;
  const headers = isSent ? { authorization: `Bearer ${token}` } : {};
  const socket = new WebSocket(address, [...(protocols ?? [])], { headers });
  closing.push(() => socket.terminate());
  const seen: SeenEvent[] = [];
  let ended: ReturnType<Events['ended']> = null;
  socket.on('message', (text) => seen.push({ ...JSON.parse(String(text)), atMs: performance.now() }));
  socket.on('close', (code, reason) => (ended ??= { code, reason: reason.toString() }));
  socket.on('error', (error) => (ended ??= { code: null, reason: error.message }));
  return { socket, seen, ended: () => ended, close: () => socket.terminate() };
};
