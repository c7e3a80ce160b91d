import { request } from 'undici';
import type { GatewayProcess } from './start-gateway.ts';

export interface McpMessage {
  readonly id?: number | string | null;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: number; readonly message: string };
}

export interface McpPost {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** What came, as JSON or as server-sent events. */
  readonly messages: readonly McpMessage[];
}

interface PostOptions {
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: string;
}

/** One POST to `/mcp`, as the 2025 protocol has it and as it is written: nothing is checked or mended on the way. */
export const postMcp = async (
  gateway: Pick<GatewayProcess, 'url' | 'token'>,
  message: string | object,
  { token = gateway.token, headers = {}, query = '' }: PostOptions = {},
): Promise<McpPost> => {
  const answer = await request(`${gateway.url}/mcp${query}`, {
    method: 'POST',
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      ...headers,
    },
    body: typeof message === 'string' ? message : JSON.stringify(message),
  });
  const body = await answer.body.text();
  return { status: answer.statusCode, headers: answer.headers, body, messages: messagesIn(body) };
};

const messagesIn = (body: string): readonly McpMessage[] => {
  if (body.startsWith('{')) return [JSON.parse(body)];
  return body.split('\n').flatMap((line) => (line.startsWith('data: ') ? JSON.parse(line.slice(6)) : []));
};

/** A call of a tool as JSON-RPC. */
export const toolCall = (
  id: number | string,
  name: string,
  args: object = {},
  meta: object = {},
): object => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args, _meta: meta },
});
