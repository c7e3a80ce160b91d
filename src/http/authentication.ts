import type { FastifyInstance, FastifyRequest } from 'fastify';
import { requireScope, type Tokens } from '../admission/tokens.ts';
import type { Principal, Scope } from '../core/principal.ts';

const principals = new WeakMap<FastifyRequest, Principal>();

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scope that the route demands, where the method alone does not tell it. */
    scope?: Scope;
  }
}

/** Demands a token with the scope on every route registered after this on `app`, before any byte of a body is read. */
export const requireToken = (app: FastifyInstance, tokens: Tokens): void => {
  app.addHook('onRequest', async (request) => void (await authenticate(request, tokens)));
};

/**
 * Who is asking, by the `Authorization` header unless the route knows another place. Rejects with `invalid_token`,
 * `token_expired`, or `insufficient_scope`.
 */
export const authenticate = async (
  request: FastifyRequest,
  tokens: Tokens,
  authorization = request.headers.authorization,
): Promise<Principal> => {
  const principal = await tokens.verify(authorization);
  requireScope(principal, neededScope(request));
  principals.set(request, principal);
  return principal;
};

/** Who is asking. To be called on authenticated routes only. */
export const principalOf = (request: FastifyRequest): Principal => {
  const principal = principals.get(request);
  if (principal === undefined) throw new Error('This route does not authenticate.');
  return principal;
};

export const ownerOf = (request: FastifyRequest): string => principalOf(request).sub;

const neededScope = ({ method, routeOptions }: FastifyRequest): Scope =>
  routeOptions.config.scope ?? (method === 'GET' || method === 'HEAD' ? 'files:read' : 'files:write');
