import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { type AuthInfo, createMcpHandler, type McpServer } from '@modelcontextprotocol/server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RunningCalls } from '../mcp/running-calls.ts';
import { abortOnClose } from './connection.ts';
import type { McpCaller } from './mcp-calls.ts';
import { isInitialize, readMcpBody } from './mcp-message.ts';
import type { McpServerFor } from './mcp-servers.ts';
import { principalOf } from './principals.ts';

/** MCP over streamable HTTP, of either protocol era. */
export interface McpHttp {
  /** Answers a request that has been admitted and whose body nobody has read. */
  answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply>;
  /** Ends what is still being answered. */
  close(): Promise<void>;
}

export interface McpHttpOptions {
  readonly serverFor: McpServerFor;
  readonly running: RunningCalls;
  readonly maxMessageBytes: number;
  readonly onError: (error: Error) => void;
}

/** No request needs anything of an earlier one but that it can cancel it, so any instance answers any request. */
export const createMcpHttp = ({ serverFor, running, maxMessageBytes, onError }: McpHttpOptions): McpHttp => {
  const callers = new WeakMap<AuthInfo, McpCaller>();
  const handler = createMcpHandler(
    ({ authInfo, era }) => {
      const caller = authInfo && callers.get(authInfo);
      if (caller === undefined) throw new Error('A request of nobody.');
      const server = serverFor(caller);
      if (era === 'legacy') cancelAcrossRequests(server, caller, running);
      return server;
    },
    { onerror: onError, maxRequestBodySize: maxMessageBytes },
  );
  return {
    answer: async (request, reply) => {
      const signal = abortOnClose(reply);
      const body = request.method === 'POST' ? await readMcpBody(request.raw, maxMessageBytes) : null;
      if (body?.kind === 'too_large') return reply.code(413).send(tooLarge(maxMessageBytes));
      const principal = principalOf(request);
      const authInfo = { token: '', clientId: principal.sub, scopes: [...principal.scopes] };
      callers.set(authInfo, { request, principal, session: sessionOf(request), countedCalls: 1 });
      const { method } = request;
      const init = { method, headers: headersOf(request), signal, body: body?.text ?? null };
      const parsed = body?.kind === 'json' ? { parsedBody: body.value } : {};
      const response = await handler.fetch(new Request(ADDRESS, init), { authInfo, ...parsed });
      reply.code(response.status);
      for (const [name, value] of response.headers) reply.header(name, value);
      // It holds no state, and tells the client's calls from those of others.
      if (body?.kind === 'json' && isInitialize(body.value)) reply.header('mcp-session-id', randomUUID());
      return reply.send(response.body && Readable.fromWeb(response.body as ReadableStream));
    },
    close: () => handler.close(),
  };
};

/** A client of the 2025 protocol cancels with a request of its own. */
const cancelAcrossRequests = (
  { server }: McpServer,
  { principal, session }: McpCaller,
  running: RunningCalls,
): void =>
  server.setNotificationHandler('notifications/cancelled', ({ params: { requestId: id } }) => {
    if (id !== undefined) running.cancel({ owner: principal.sub, session, id });
  });

const tooLarge = (maxBytes: number): object => ({
  jsonrpc: '2.0',
  id: null,
  error: {
    code: -32600,
    message: `A message has at most ${maxBytes} bytes; files travel by path or upload URL.`,
  },
});

/** The SDK wants one, and looks at nothing in it. */
const ADDRESS = 'http://gateway/mcp';

/** What the protocol reads of a request. */
const headersOf = ({ headers }: FastifyRequest): Headers => {
  const known = Object.entries(headers).filter(([name]) => /^(accept|content-type|mcp-.+)$/u.test(name));
  return new Headers(known.map(([name, value]) => [name, String(value)]));
};

const sessionOf = ({ headers }: FastifyRequest): string | null => {
  const session = headers['mcp-session-id'];
  return typeof session === 'string' && session !== '' ? session : null;
};
