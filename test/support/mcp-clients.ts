import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  Client as CurrentClient,
  StreamableHTTPClientTransport as CurrentHttp,
} from '@modelcontextprotocol/client';
import { Client as EarlierClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as EarlierHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { WebSocketClientTransport } from '@modelcontextprotocol/sdk/client/websocket.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll } from 'vitest';
import type { GatewayProcess } from './start-gateway.ts';

export interface Progress {
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

interface CallOptions {
  readonly onprogress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

interface ToolResult {
  readonly isError: boolean;
  readonly text: string;
  readonly structured: Readonly<Record<string, unknown>>;
  /** What a tool error says for programs. */
  readonly error:
    | { readonly code: string; readonly file_id?: string; readonly retry_after_ms?: number }
    | undefined;
  readonly content: readonly { readonly type: string; readonly [key: string]: unknown }[];
}

/** A client of either generation of the official SDK, as far as the tests use one. */
export interface McpClient {
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<ToolResult>;
  tools(): Promise<readonly { readonly name: string; readonly [key: string]: unknown }[]>;
  read(uri: string): Promise<{ readonly contents: readonly { readonly text?: string }[] }>;
  resources(): Promise<readonly { readonly uri: string; readonly name: string }[]>;
  close(): Promise<void>;
}

/** The clients and transports by which people connect. */
export const mcpKinds = [
  'HTTP 2026-07-28',
  'HTTP 2025-11-25',
  'HTTP of the earlier SDK',
  'WebSocket',
] as const;
export type McpKind = (typeof mcpKinds)[number];

const open: { close(): Promise<void> }[] = [];

// Registered when a test file imports this.
afterAll(async () => {
  await Promise.all(open.splice(0).map((client) => client.close().catch(() => undefined)));
});

export const connectMcp = async (
  gateway: Pick<GatewayProcess, 'url' | 'token'>,
  kind: McpKind = 'HTTP 2026-07-28',
  token = gateway.token,
): Promise<McpClient> => {
  const client = kind.startsWith('HTTP 20')
    ? await current(gateway.url, token, kind === 'HTTP 2026-07-28')
    : await earlier(gateway.url, token, kind === 'WebSocket');
  open.push(client);
  return client;
};

const identity = { name: 'waybill-test', version: '1.0.0' };
const withToken = (token: string) => ({ requestInit: { headers: { authorization: `Bearer ${token}` } } });

const current = async (url: string, token: string, isModern: boolean): Promise<McpClient> => {
  const mode = isModern ? { pin: '2026-07-28' } : ('legacy' as const);
  const client = new CurrentClient(identity, { versionNegotiation: { mode } });
  await client.connect(new CurrentHttp(new URL(`${url}/mcp`), withToken(token)));
  return {
    call: async (name, args = {}, options = {}) =>
      toResult(await client.callTool({ name, arguments: args }, { ...options })),
    tools: async () => (await client.listTools()).tools,
    read: async (uri) => (await client.readResource({ uri })) as never,
    resources: async () => (await client.listResources()).resources,
    close: () => client.close(),
  };
};

const earlier = async (url: string, token: string, overWebSocket: boolean): Promise<McpClient> => {
  const client = new EarlierClient(identity);
  const transport = overWebSocket
    ? new WebSocketClientTransport(new URL(`${url.replace(/^http/u, 'ws')}/mcp?access_token=${token}`))
    : new EarlierHttp(new URL(`${url}/mcp`), withToken(token));
  await client.connect(transport as never);
  oneATurn(transport);
  return {
    call: async (name, args = {}, options = {}) =>
      toResult(await client.callTool({ name, arguments: args }, CallToolResultSchema, { ...options })),
    tools: async () => (await client.listTools()).tools,
    read: async (uri) => (await client.readResource({ uri })) as never,
    resources: async () => (await client.listResources()).resources,
    close: () => client.close(),
  };
};

/**
 * Gives a client its messages one a turn. The earlier SDK forgets who asked for progress as soon as the answer is there, and
 * tells of progress a little later: what comes in the same turn as the answer, as on a busy machine, it would drop.
 */
const oneATurn = (transport: Pick<WebSocketClientTransport, 'onmessage'>): void => {
  const deliver = transport.onmessage;
  let delivered = Promise.resolve();
  transport.onmessage = (...message) => {
    delivered = delivered.then(() => nextTurn()).then(() => deliver?.(...message));
  };
};

const toResult = (result: object): ToolResult => {
  const { content, isError, structuredContent, _meta } = result as {
    readonly content: ToolResult['content'];
    readonly isError?: boolean;
    readonly structuredContent?: ToolResult['structured'];
    readonly _meta?: { readonly 'waybill/error'?: ToolResult['error'] };
  };
  return {
    isError: isError === true,
    text: content.map(({ text }) => text ?? '').join('\n'),
    structured: structuredContent ?? {},
    error: _meta?.['waybill/error'],
    content,
  };
};
