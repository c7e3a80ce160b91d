import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterAll } from 'vitest';
import type { SigningKey } from './jwks-server.ts';

/** The part of Supabase Auth that signing in to the console takes, over a real socket. */
export interface GoTrueServer {
  /** The project's address, which `/auth/v1` stands below. */
  readonly url: string;
  /** Where links were sent to, and where they lead back to. */
  readonly links: readonly { readonly email: string; readonly redirectTo: string }[];
  /** What a link of `email` opens: the console, with a session in its address. */
  openLink(email: string): Promise<string>;
  /** How often a session was renewed. */
  renewals(): number;
  /** How often somebody signed out. */
  departures(): number;
}

interface GoTrueUser {
  readonly email: string;
  readonly password: string;
  readonly id: string;
}

/** How long its tokens last. Supabase's library renews those that have less than 90 seconds left at each look. */
export interface GoTrueOptions {
  readonly key: SigningKey;
  readonly users: readonly GoTrueUser[];
  readonly tokenSeconds?: number;
}

const closing: (() => Promise<void>)[] = [];

// Registered when a test file imports this.
afterAll(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': '*, authorization',
  'access-control-allow-methods': '*',
};

export const startGoTrue = async ({
  key,
  users,
  tokenSeconds = 3_600,
}: GoTrueOptions): Promise<GoTrueServer> => {
  const links: { email: string; redirectTo: string }[] = [];
  const refreshTokens = new Map<string, GoTrueUser>();
  let renewals = 0;
  let departures = 0;

  const sessionOf = async (user: GoTrueUser): Promise<Record<string, string | number | object>> => {
    const refresh_token = randomUUID();
    refreshTokens.set(refresh_token, user);
    const claims = { sub: user.id, email: user.email, role: 'authenticated', aud: 'authenticated' };
    const access_token = await key.sign({ ...claims, expiresInSeconds: tokenSeconds });
    const described = { id: user.id, email: user.email, aud: 'authenticated', role: 'authenticated' };
    return { access_token, refresh_token, token_type: 'bearer', expires_in: tokenSeconds, user: described };
  };

  const routes: Readonly<
    Record<string, (body: Record<string, string>, url: URL) => Promise<[number, object]>>
  > = {
    'POST /auth/v1/token': async (body, url) => {
      const user =
        url.searchParams.get('grant_type') === 'password'
          ? users.find(({ email, password }) => email === body.email && password === body.password)
          : refreshTokens.get(body.refresh_token ?? '');
      if (user === undefined)
        return [400, { code: 400, error_code: 'invalid_credentials', msg: 'Invalid login credentials' }];
      if (url.searchParams.get('grant_type') === 'refresh_token') renewals += 1;
      return [200, await sessionOf(user)];
    },
    'POST /auth/v1/otp': async (body, url) => {
      links.push({ email: body.email ?? '', redirectTo: url.searchParams.get('redirect_to') ?? '' });
      return [200, {}];
    },
    'GET /auth/v1/user': async () => [
      200,
      { id: users[0]?.id, email: users[0]?.email, aud: 'authenticated' },
    ],
    'POST /auth/v1/logout': async () => {
      departures += 1;
      return [204, {}];
    },
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://gotrue');
    if (request.method === 'OPTIONS') return void response.writeHead(204, CORS).end();
    const route = routes[`${request.method} ${url.pathname}`];
    if (route === undefined || request.headers.apikey === undefined)
      return void response.writeHead(route === undefined ? 404 : 401, CORS).end();
    const hasBody = Number(request.headers['content-length'] ?? 0) > 0;
    const [status, body] = await route(hasBody ? ((await json(request)) as Record<string, string>) : {}, url);
    response.writeHead(status, { ...CORS, 'content-type': 'application/json' });
    response.end(status === 204 ? undefined : JSON.stringify(body));
  };
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    links,
    openLink: async (wanted) => {
      const user = users.find(({ email }) => email === wanted);
      const link = links.findLast(({ email }) => email === wanted);
      if (user === undefined || link === undefined) throw new Error(`No link was sent to ${wanted}.`);
      const { user: _described, ...session } = await sessionOf(user);
      const fragment = Object.entries(session).map(([name, value]) => [name, String(value)]);
      return `${link.redirectTo}#${new URLSearchParams([...fragment, ['type', 'magiclink']])}`;
    },
    renewals: () => renewals,
    departures: () => departures,
  };
};
