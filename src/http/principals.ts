import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import type { Principal } from '../core/principal.ts';

/** By what Node gives, which a WebSocket's request shares with the answer to its upgrade. */
const principals = new WeakMap<IncomingMessage, Principal>();

/** For whoever has found out who is asking. */
export const rememberPrincipal = (request: FastifyRequest, principal: Principal): void =>
  void principals.set(request.raw, principal);

/** Who is asking, as far as that is known: of a request that was refused, or of any route. */
export const principalIfKnown = (request: IncomingMessage): Principal | undefined => principals.get(request);

/** Who is asking. To be called on authenticated routes only. */
export const principalOf = ({ raw }: FastifyRequest): Principal => {
  const principal = principals.get(raw);
  if (principal === undefined) throw new Error('This route does not authenticate.');
  return principal;
};

export const ownerOf = (request: FastifyRequest): string => principalOf(request).sub;
