/** Where in a trace something happens (https://www.w3.org/TR/trace-context/). */
export interface TraceContext {
  /** 32 digits of lower-case hex. */
  readonly traceId: string;
  /** Of the span that what happens is a part of: 16 digits of lower-case hex. */
  readonly spanId: string;
  readonly isSampled: boolean;
  /** What other systems on the way have added, as it came. */
  readonly state: string | null;
}

/** What is behind the first four fields belongs to later versions (4.1). */
const TRACEPARENT =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/u;
/** More than anybody has to carry on (3.3.1.5). */
const MOST_STATE = 512;

/** The headers `traceparent` and `tracestate`; null when there is none, or one that is not valid. */
export const parseTrace = (parent: unknown, state: unknown): TraceContext | null => {
  const [, traceId, spanId, flags] = (typeof parent === 'string' && TRACEPARENT.exec(parent)) || [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  const isFit = typeof state === 'string' && state.length > 0 && state.length <= MOST_STATE;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1, state: isFit ? state : null };
};

/** The headers that carry the context on. */
export const traceHeaders = ({
  traceId,
  spanId,
  isSampled,
  state,
}: TraceContext): Record<string, string> => ({
  traceparent: `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`,
  ...(state === null ? {} : { tracestate: state }),
});
