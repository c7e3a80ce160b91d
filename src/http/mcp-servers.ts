import type { McpServer } from '@modelcontextprotocol/server';
import { createPipelineFiles } from '../mcp/pipeline-files.ts';
import type { RunningCalls } from '../mcp/running-calls.ts';
import { createMcpServer } from '../mcp/server.ts';
import type { AuditTrail } from '../pipeline/audit-trail.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { Logger } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import { guardCalls, type McpCaller } from './mcp-calls.ts';

/** Makes the server that answers somebody: one for each request over HTTP, one for each WebSocket. */
export type McpServerFor = (caller: McpCaller) => McpServer;

export interface McpServersOptions {
  readonly pipeline: Pipeline;
  /** The address that users know; null: the one that each of them asks. */
  readonly publicUrl: string | null;
  readonly running: RunningCalls;
  readonly audit: AuditTrail;
  readonly metrics: Metrics;
  readonly version: string;
  readonly log: Logger;
}

/** This gateway's tools, as whoever asks may use them. */
export const createMcpServers =
  ({ pipeline, publicUrl, running, audit, metrics, version, log }: McpServersOptions): McpServerFor =>
  (caller) => {
    const { request, principal } = caller;
    const baseUrl = publicUrl ?? `${request.protocol}://${request.host}`;
    return createMcpServer({
      files: createPipelineFiles({ pipeline, owner: principal.sub, baseUrl }),
      version,
      disk: 'gateway',
      around: guardCalls({ ...caller, running, audit, metrics, log }),
    });
  };
