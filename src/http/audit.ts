import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ErrorCode } from '../core/errors.ts';
import type { AuditTrail } from '../pipeline/audit-trail.ts';
import { principalIfKnown } from './principals.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route does, such as `file.create`, for the audit trail. Without it only refused tokens are recorded. */
    audit?: string;
  }
}

interface Notes {
  owner?: string;
  action?: string;
  fileId?: string;
  errorCode?: ErrorCode;
}

const notes = new WeakMap<IncomingMessage, Notes>();
const note = ({ raw }: FastifyRequest, more: Notes): void =>
  void notes.set(raw, { ...notes.get(raw), ...more });

/** Tells the audit trail which file or upload a request is about, where that is not the `id` in its address. */
export const noteFile = (request: FastifyRequest, fileId: string): void => note(request, { fileId });

/** Tells it on whose behalf a request acts that comes without a token. */
export const noteOwner = (request: FastifyRequest, owner: string): void => note(request, { owner });

/** Tells it what a request does, where the route alone does not tell. */
export const noteAction = (request: FastifyRequest, action: string): void => note(request, { action });

/** Tells it why a request was refused. For the error handler. */
export const noteRefusal = (request: FastifyRequest, errorCode: ErrorCode, fileId: string | null): void =>
  note(request, fileId === null ? { errorCode } : { errorCode, fileId });

/** Why a request was refused; undefined: it was not, or not over HTTP. */
export const refusalOf = (request: IncomingMessage): ErrorCode | undefined => notes.get(request)?.errorCode;

/** An id of ours; anything else in an address is text of the client's choice. */
const OUR_ID = /^[\w-]{1,80}$/u;
const UNAUTHENTICATED = 401;

/** Records every answer of a route that says what it does, and every refused token. */
export const registerAudit = (app: FastifyInstance, trail: AuditTrail): void => {
  app.addHook('onResponse', async (request, { statusCode }) => {
    const { owner, action, fileId, errorCode } = notes.get(request.raw) ?? {};
    const isRefusedToken = statusCode === UNAUTHENTICATED;
    const done = isRefusedToken ? 'token.refused' : (action ?? request.routeOptions.config.audit);
    if (done === undefined) return;
    trail.record({
      owner: principalIfKnown(request.raw)?.sub ?? owner ?? null,
      action: done,
      fileId: fileId ?? (isRefusedToken ? null : idInAddress(request)),
      httpStatus: statusCode,
      errorCode: errorCode ?? null,
      requestId: request.id,
      address: request.ip,
    });
  });
};

const idInAddress = ({ params }: FastifyRequest): string | null => {
  const id = (params as { readonly id?: unknown } | undefined)?.id;
  return typeof id === 'string' && OUR_ID.test(id) ? id : null;
};
