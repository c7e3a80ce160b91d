import type { FastifyRequest } from 'fastify';
import { requireScope } from '../admission/tokens.ts';
import { type ErrorCode, toGatewayError } from '../core/errors.ts';
import type { Principal } from '../core/principal.ts';
import type { Around } from '../mcp/around.ts';
import type { RunningCalls } from '../mcp/running-calls.ts';
import type { AuditTrail } from '../pipeline/audit-trail.ts';
import { runIn } from '../platform/context.ts';
import type { Logger } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import { countToolCall } from './rate-limiting.ts';
import { contextOf } from './request-context.ts';

/** Whoever asks over MCP. */
export interface McpCaller {
  /** That the calls come with: one of them, or the one that became a WebSocket. */
  readonly request: FastifyRequest;
  readonly principal: Principal;
  /** What the client calls its calls by; null: nothing that another request could name. */
  readonly session: string | null;
  /** Calls that the rate limit has counted with the request. */
  readonly countedCalls: number;
}

interface McpCallsOptions extends McpCaller {
  readonly running: RunningCalls;
  readonly audit: AuditTrail;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** As proxies record a request whose client went away before its answer. */
const CLIENT_CLOSED = 499;
const CREATED = new Set(['upload_url.create']);

/** What holds for every call over MCP as for every request of the API: scope, rate limit, audit trail, log. */
export const guardCalls = ({
  request,
  principal,
  session,
  countedCalls,
  running,
  audit,
  metrics,
  log,
}: McpCallsOptions): Around => {
  let counted = countedCalls;
  const { sub: owner } = principal;
  return async ({ id, name, scope, action, fileId, signal }, run) => {
    const note = (httpStatus: number, about: string | null, errorCode: ErrorCode | null = null): void => {
      if (action === null) return;
      const { id: requestId, ip: address } = request;
      audit.record({ owner, action, fileId: about, httpStatus, errorCode, requestId, address });
    };
    let isCancelled = (): boolean => signal.aborted;
    try {
      requireScope(principal, scope);
      if (counted > 0) counted -= 1;
      else await countToolCall(request);
      const outcome = await running.run({ owner, session, id, signal }, (cancelled) => {
        isCancelled = () => cancelled.aborted;
        return runIn(contextOf(request), () => run(cancelled));
      });
      metrics.http.called(name, 'ok');
      note(action !== null && CREATED.has(action) ? 201 : 200, outcome.fileId);
      return outcome;
    } catch (error) {
      const known = toGatewayError(error);
      if (isCancelled()) {
        metrics.http.called(name, 'cancelled');
        note(CLIENT_CLOSED, fileId);
        throw error;
      }
      metrics.http.called(name, 'error');
      metrics.http.failed(known.code);
      note(known.httpStatus, known.fileId ?? fileId, known.code);
      if (known.httpStatus >= 500)
        log.error({ event: 'mcp_call_failed', request: request.id, code: known.code, err: error });
      throw error;
    }
  };
};
