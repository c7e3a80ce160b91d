import { currentContext } from './context.ts';
import type { Logger } from './log.ts';
import { traceHeaders } from './trace-context.ts';

export type SpanName = 'receive' | 'stage' | 'deliver' | 'provider request';

/** Values from lists of ours, and numbers: no user, no file, nothing that a client chooses. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** A span that has begun. Whoever began it ends it. */
export interface Span {
  /** What a call that is a part of it carries along; empty where there is no trace. */
  readonly headers: Readonly<Record<string, string>>;
  /** Calls `work` as a part of it. */
  run<T>(work: () => T): T;
  set(attributes: SpanAttributes): void;
  /** It did not succeed, for this reason of ours. */
  fail(code: string): void;
  end(): void;
}

/** Spans of what happens to files, under the traces that requests come with. */
export interface Tracing {
  begin(name: SpanName, attributes: SpanAttributes): Span;
  /** Sends what is left, and gives up soon. */
  close(): Promise<void>;
}

export interface TracingOptions {
  /** Of an OpenTelemetry collector, without `/v1/traces`. */
  readonly endpoint: string;
  readonly serviceName: string;
  readonly version: string;
  readonly log: Logger;
}

/** Traces that come are passed on, and none are begun. */
export const passiveTracing: Tracing = {
  begin: () => {
    const { trace } = currentContext();
    return {
      headers: trace === null ? {} : traceHeaders(trace),
      run: (work) => work(),
      set: () => undefined,
      fail: () => undefined,
      end: () => undefined,
    };
  },
  close: async () => undefined,
};

/** Sends spans to a collector. Loads what that takes only now. The caller closes it. */
export const openTracing = async (options: TracingOptions): Promise<Tracing> => {
  const { createOtlpTracing } = await import('./tracing-otlp.ts');
  return createOtlpTracing(options);
};

/** Runs `work` as a span, which fails with it. */
export const traced = async <T>(
  tracing: Tracing,
  [name, attributes]: readonly [SpanName, SpanAttributes],
  work: (span: Span) => Promise<T>,
): Promise<T> => {
  const span = tracing.begin(name, attributes);
  try {
    return await span.run(() => work(span));
  } catch (error) {
    span.fail(error instanceof Error && 'code' in error ? String(error.code) : 'internal_error');
    throw error;
  } finally {
    span.end();
  }
};
