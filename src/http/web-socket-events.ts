import type { WebSocket } from 'ws';
import { type GatewayError, toGatewayError } from '../core/errors.ts';
import type { EventSink, StreamEnd } from './event-streams.ts';
import { closeGoingAway, keepOpen } from './websockets.ts';

/** Nothing is expected from clients. */
const MAX_MESSAGE_BYTES = 4_096;
/** RFC 6455, 7.4.1. */
const TOO_BIG = 1009;

/** Events as text messages over a WebSocket that is open. What the client sends is read and passed over. */
export const createWebSocketEvents = (socket: WebSocket): EventSink => {
  keepOpen(socket);
  socket.on('message', (data: Buffer) => {
    if (data.length > MAX_MESSAGE_BYTES) socket.close(TOO_BIG);
  });
  return {
    send: (event) =>
      new Promise((resolve, reject) => {
        socket.send(JSON.stringify(event), (error) => (error ? reject(error) : resolve()));
      }),
  };
};

/** Tells the peer why its stream ends (RFC 6455, 7.4.1). */
export const closeAfter = (socket: WebSocket, end: StreamEnd): void => {
  if (end === 'expired') socket.close(1008, 'Unauthorized');
  else if (end === 'stopping') closeGoingAway(socket);
  else socket.terminate();
};

/** The same for a stream that could not be, or not go on. Answers with what is to be logged. */
export const closeRefused = (socket: WebSocket, error: unknown): GatewayError => {
  const known = toGatewayError(error);
  if (known.httpStatus === 401) socket.close(1008, 'Unauthorized');
  else if (known.httpStatus === 403) socket.close(1008, 'Forbidden');
  else if (known.retry === 'later' && known.code !== 'internal_error') socket.close(1013, known.code);
  else socket.close(1011, known.code);
  return known;
};
