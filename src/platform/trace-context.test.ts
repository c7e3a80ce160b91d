import { describe, expect, it } from 'vitest';
import { parseTrace, traceHeaders } from './trace-context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('a trace context', () => {
  it.each([
    ['01', null],
    ['00', 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7'],
  ])('goes out as it came, sampled by %s', (flags, state) => {
    const parent = `00-${TRACE}-${SPAN}-${flags}`;
    const parsed = parseTrace(parent, state ?? undefined);
    expect(parsed).toEqual({ traceId: TRACE, spanId: SPAN, isSampled: flags === '01', state });
    expect(parsed && traceHeaders(parsed)).toEqual({
      traceparent: parent,
      ...(state === null ? {} : { tracestate: state }),
    });
  });

  it('may be of a later version with more fields', () => {
    expect(parseTrace(`01-${TRACE}-${SPAN}-01-more`, undefined)?.traceId).toBe(TRACE);
  });

  it.each([
    undefined,
    '',
    'x',
    `ff-${TRACE}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}`,
    [`00-${TRACE}-${SPAN}-01`],
  ])('is none when it is %s', (parent) => {
    expect(parseTrace(parent, 'a=b')).toBeNull();
  });

  it('is passed on without a state that is too long', () => {
    expect(parseTrace(`00-${TRACE}-${SPAN}-01`, 'a'.repeat(513))?.state).toBeNull();
  });
});
