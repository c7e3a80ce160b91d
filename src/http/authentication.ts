import type { FastifyInstance, FastifyRequest } from 'fastify';
import { requireScope, type Tokens } from '../admission/tokens.ts';
import type { Principal, Scope } from '../core/principal.ts';

const principals = new WeakMap<FastifyRequest, Principal>();

/** Demands a token with the scope on every route registered after this on `app`, before any byte of a body is read. */
export const requireToken = (app: FastifyInstance, tokens: Tokens): void => {
  app.addHook('onRequest', async (request) => {
    const principal = await tokens.verify(request.headers.authorization);
    requireScope(principal, neededScope(request));
    principals.set(request, principal);
  });
};

/** Who is asking. To be called on authenticated routes only. */
export const ownerOf = (request: FastifyRequest): string => {
  const principal = principals.get(request);
  if (principal === undefined) throw new Error('This route does not authenticate.');
  return principal.sub;
};

const neededScope = ({ method }: FastifyRequest): Scope =>
  method === 'GET' || method === 'HEAD' ? 'files:read' : 'files:write';
