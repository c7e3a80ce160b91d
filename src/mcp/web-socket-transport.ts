import {
  type JSONRPCMessage,
  ProtocolErrorCode,
  parseJSONRPCMessage,
  type Transport,
} from '@modelcontextprotocol/server';
import type { RawData, WebSocket } from 'ws';

/** A peer that takes no answers in is not listened to beyond this. */
const MAX_WAITING_BYTES = 2 ** 20;

/**
 * MCP over a WebSocket that is open: each text message is one JSON-RPC message. What is none is answered as JSON-RPC has
 * it, and the connection stays; binary messages end it. Closing it is the end of every call on it.
 */
export const createWebSocketTransport = (socket: WebSocket): Transport => {
  const send = async (message: JSONRPCMessage | Malformed): Promise<void> => {
    if (socket.readyState !== socket.OPEN) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.send(JSON.stringify(message), (error) => (error ? reject(error) : resolve()));
    if (socket.bufferedAmount > MAX_WAITING_BYTES) socket.pause();
    await promise;
    if (socket.isPaused && socket.bufferedAmount <= MAX_WAITING_BYTES) socket.resume();
  };
  const transport: Transport = {
    start: async () => {
      socket.on('message', (data, isBinary) => {
        // What comes while it is being closed is not for anybody.
        if (socket.readyState !== socket.OPEN) return;
        if (isBinary) return socket.close(UNSUPPORTED_DATA, 'Messages are text.');
        const { message, fault } = read(data);
        if (message !== null) transport.onmessage?.(message);
        else send(fault).catch((error) => transport.onerror?.(error));
      });
      socket.on('close', () => transport.onclose?.());
      socket.on('error', (error) => transport.onerror?.(error));
    },
    send,
    close: async () => socket.close(NORMAL),
  };
  return transport;
};

/** RFC 6455, 7.4.1. */
const NORMAL = 1000;
const UNSUPPORTED_DATA = 1003;

/** The answer to a message whose id nobody can tell (JSON-RPC 2.0, 5). */
interface Malformed {
  readonly jsonrpc: '2.0';
  readonly id: null;
  readonly error: { readonly code: number; readonly message: string };
}

const refused = (code: number, message: string): Read => ({
  message: null,
  fault: { jsonrpc: '2.0', id: null, error: { code, message } },
});

type Read =
  | { readonly message: JSONRPCMessage; readonly fault: null }
  | { readonly message: null; readonly fault: Malformed };

const read = (data: RawData): Read => {
  let json: unknown;
  try {
    json = JSON.parse(data.toString());
  } catch {
    return refused(ProtocolErrorCode.ParseError, 'Parse error: the message is not JSON.');
  }
  try {
    return { message: parseJSONRPCMessage(json), fault: null };
  } catch {
    return refused(ProtocolErrorCode.InvalidRequest, 'Invalid request: the message is no JSON-RPC.');
  }
};
