import {
  createTraceState,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import { currentContext, runIn } from './context.ts';
import type { Logger } from './log.ts';
import { type TraceContext, traceHeaders } from './trace-context.ts';
import type { Tracing, TracingOptions } from './tracing.ts';

const EXPORT_MS = 5_000;
const EVERY_MS = 2_000;
/** What the collector has not taken by then is not waited for. */
const CLOSE_MS = 3_000;

/**
 * Spans as OpenTelemetry has them, sent in batches behind what they tell of. Nothing of it is registered for the process,
 * which may run several gateways: the context is ours.
 */
export const createOtlpTracing = ({ endpoint, serviceName, version, log }: TracingOptions): Tracing => {
  const url = `${endpoint.replace(/\/+$/u, '')}/v1/traces`;
  const exporter = tellingOnce(new OTLPTraceExporter({ url, timeoutMillis: EXPORT_MS }), log);
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName, 'service.version': version }),
    spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: EVERY_MS })],
  });
  const tracer = provider.getTracer('waybill', version);
  return {
    begin: (name, attributes) => {
      const context = currentContext();
      const kind = name === 'provider request' ? SpanKind.CLIENT : SpanKind.INTERNAL;
      const span = tracer.startSpan(name, { kind, attributes: { ...attributes } }, parentOf(context.trace));
      const { traceId, spanId, traceFlags } = span.spanContext();
      const isSampled = (traceFlags & TraceFlags.SAMPLED) !== 0;
      const here: TraceContext = { traceId, spanId, isSampled, state: context.trace?.state ?? null };
      return {
        headers: traceHeaders(here),
        run: (work) => runIn({ ...context, trace: here }, work),
        set: (more) => void span.setAttributes({ ...more }),
        fail: (code) => void span.setStatus({ code: SpanStatusCode.ERROR, message: code }),
        end: () => span.end(),
      };
    },
    close: async () => {
      const { promise: tooLate, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, CLOSE_MS);
      await Promise.race([provider.shutdown().catch(() => undefined), tooLate]);
      clearTimeout(timer);
    },
  };
};

const parentOf = (context: TraceContext | null) => {
  if (context === null) return ROOT_CONTEXT;
  const { traceId, spanId, isSampled, state } = context;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
    ...(state === null ? {} : { traceState: createTraceState(state) }),
  });
};

/** The exporter, whose failures are logged when they begin and when they end. */
const tellingOnce = (exporter: SpanExporter, log: Logger): SpanExporter => {
  let isAway = false;
  const tell = ({ code, error }: ExportResult): void => {
    const failed = code !== ExportResultCode.SUCCESS;
    if (failed && !isAway) log.warn({ event: 'traces_not_exported', err: error });
    if (!failed && isAway) log.info({ event: 'traces_exported_again' });
    isAway = failed;
  };
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        tell(result);
        done(result);
      }),
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
};
