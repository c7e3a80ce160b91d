import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { toErrorEnvelope } from '../api/error-envelope.ts';
import { type ErrorCode, GatewayError, systemCode, toGatewayError } from '../core/errors.ts';
import type { Logger } from '../platform/log.ts';
import { noteRefusal } from './audit.ts';
import { newRequestId } from './request-id.ts';
import { bareSecurityHeaders } from './security-headers.ts';

/** The only place that turns an error into a response. Messages of unknown errors are logged and never shown. */
export const registerErrorHandler = (app: FastifyInstance, log: Logger): void => {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const known = fromFastify(error) ?? toGatewayError(error);
    if (known.httpStatus >= 500)
      log.error({ event: 'request_failed', request: request.id, code: known.code, err: error });
    return sendError(known, request, reply);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0]?.slice(0, 200);
    return sendError(
      new GatewayError('not_found', `There is no ${request.method} ${path}; see /docs.`),
      request,
      reply,
    );
  });
};

/** For faults in the address itself, which the framework finds before there is a route or a hook. */
export const answerBadAddress = (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
  reply.headers(bareSecurityHeaders).header('x-request-id', request.id);
  sendError(fromFastify(error) ?? toGatewayError(error), request, reply);
};

const WAITING_HELPS = new Set([423, 429]);

const sendError = (error: GatewayError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  noteRefusal(request, error.code, error.fileId);
  if (error.httpStatus === 401) {
    const reason = request.headers.authorization === undefined ? '' : ', error="invalid_token"';
    reply.header('www-authenticate', `Bearer realm="waybill"${reason}`);
  }
  const retryAfterSeconds = error.retryAfterMs === null ? 1 : Math.ceil(error.retryAfterMs / 1_000);
  if ((error.httpStatus >= 500 || WAITING_HELPS.has(error.httpStatus)) && error.retry !== 'never')
    reply.header('retry-after', retryAfterSeconds);
  return reply
    .code(error.httpStatus)
    .type('application/json; charset=utf-8')
    .send(toErrorEnvelope(error, request.id));
};

/** Faults that the framework finds before a route runs. */
const fromFastify = (error: FastifyError): GatewayError | null => {
  if (error.validation !== undefined) {
    const param = error.validation[0]?.instancePath.split('/').filter(Boolean).join('.');
    return new GatewayError('invalid_request', `The request is not valid: ${error.message}.`, {
      param: param || undefined,
      cause: error,
    });
  }
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new GatewayError(
        'unsupported_media_type',
        'The Content-Type of the body is not one that this route reads.',
        { cause: error },
      );
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new GatewayError('invalid_request', 'The body is not valid JSON.', { cause: error });
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new GatewayError('invalid_request', 'The JSON body is too large.', { cause: error });
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new GatewayError('not_found', 'There is nothing with an id as long as this.', { cause: error });
    case 'FST_ERR_BAD_URL':
      return new GatewayError('invalid_request', 'The address cannot be decoded.', { cause: error });
    default:
      return error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500
        ? new GatewayError('invalid_request', 'The request cannot be understood.', { cause: error })
        : null;
  }
};

/** Answers what is not even HTTP, which no route sees, in the same envelope. */
export const answerBrokenRequest = (
  error: Error,
  socket: Socket,
  onRefusal?: (code: ErrorCode) => void,
): void => {
  if (!socket.writable || systemCode(error) === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const known = brokenRequest(systemCode(error));
  onRefusal?.(known.code);
  const body = JSON.stringify(toErrorEnvelope(known, newRequestId()));
  socket.end(
    `HTTP/1.1 ${known.httpStatus} ${known.code}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      Object.entries(bareSecurityHeaders)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('') +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
};

const brokenRequest = (code: string | null): GatewayError => {
  if (code === 'HPE_HEADER_OVERFLOW')
    return new GatewayError('headers_too_large', 'The request headers are too large.');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new GatewayError('request_timeout', 'The request took too long to arrive.');
  return new GatewayError('invalid_request', 'The request is not valid HTTP/1.1.');
};
