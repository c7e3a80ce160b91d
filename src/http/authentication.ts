import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { requireScope, type Tokens } from '../admission/tokens.ts';
import type { Principal, Scope } from '../core/principal.ts';
import { principalIfKnown, rememberPrincipal } from './principals.ts';
import { countCall } from './rate-limiting.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scope that the route demands, where the method alone does not tell it. */
    scope?: Scope;
  }
}

/** Demands a token with the scope on every route registered after this on `app`, before any byte of a body is read. */
export const requireToken = (app: FastifyInstance, tokens: Tokens): void => {
  app.addHook('onRequest', (request, reply) => authenticateOrCount(request, reply, tokens));
  announceGrace(app);
};

/** Whoever has no good token too often is told to wait, however bad the tokens are. */
export const authenticateOrCount = async (
  request: FastifyRequest,
  reply: FastifyReply,
  tokens: Tokens,
): Promise<void> => {
  try {
    await authenticate(request, tokens);
  } catch (error) {
    await countCall(request, reply);
    throw error;
  }
};

/**
 * Who is asking, by the `Authorization` header unless the route knows another place. Rejects with `invalid_token`,
 * `token_expired`, `insufficient_scope`, or `unavailable`.
 */
export const authenticate = async (
  request: FastifyRequest,
  tokens: Tokens,
  authorization = authorizationOf(request.raw),
): Promise<Principal> => {
  const principal = await tokens.verify(authorization, request.routeOptions.url);
  rememberPrincipal(request, principal);
  requireScope(principal, neededScope(request));
  return principal;
};

/** The `Authorization` of a request. Of several Node would pass over all but one; none is then the right one. */
export const authorizationOf = ({ rawHeaders }: IncomingMessage): string | undefined => {
  const values = rawHeaders.filter(
    (_value, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === 'authorization',
  );
  return values.length === 0 ? undefined : values.join(', ');
};

/** Tells whoever is let in without a token, on routes registered after this, that this is about to end. */
export const announceGrace = (app: FastifyInstance): void => {
  app.addHook('onSend', async (request, reply) => void reply.headers(graceHeaders(request.raw)));
};

/** `Deprecation` (RFC 9745) and `Sunset` (RFC 8594) of an answer; none for a request that had a token. */
export const graceHeaders = (request: IncomingMessage): Readonly<Record<string, string>> => {
  const grace = principalIfKnown(request)?.grace;
  if (grace === undefined) return {};
  const { since, until } = grace;
  return { deprecation: `@${Math.floor(since.getTime() / 1_000)}`, sunset: until.toUTCString() };
};

const neededScope = ({ method, routeOptions }: FastifyRequest): Scope =>
  routeOptions.config.scope ?? (method === 'GET' || method === 'HEAD' ? 'files:read' : 'files:write');
