import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePrefer } from './prefer.ts';

describe('Prefer', () => {
  it.each<[string | string[] | undefined, boolean, number]>([
    [undefined, false, 60_000],
    ['', false, 60_000],
    ['respond-async', true, 60_000],
    ['Respond-Async', true, 60_000],
    ['wait=5', false, 5_000],
    ['wait=0', false, 0],
    ['WAIT = 10', false, 10_000],
    ['wait="7"', false, 7_000],
    ['respond-async, wait=10', true, 10_000],
    ['wait=10,respond-async', true, 10_000],
    [['respond-async', 'wait=3'], true, 3_000],
    ['wait=1, wait=2', false, 1_000],
    ['wait=100000', false, 100_000],
  ])('%j', (header, respondAsync, waitMs) => {
    expect(parsePrefer(header)).toEqual({ respondAsync, waitMs });
  });

  it.each([
    'wait',
    'wait=',
    'wait=-1',
    'wait=1.5',
    'wait=soon',
    'wait=9999999',
    'respond-asynchronously',
    'return=minimal',
    ';,=;',
  ])('is ignored where it is not understood: %j', (header) => {
    expect(parsePrefer(header)).toEqual({ respondAsync: false, waitMs: 60_000 });
  });

  it('never asks for longer than proxies leave a connection idle', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.nat().map((seconds) => `wait=${seconds}`),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const { waitMs } = parsePrefer(pieces.join(','));
        expect(waitMs).toBeGreaterThanOrEqual(0);
        expect(waitMs).toBeLessThanOrEqual(100_000);
      }),
    );
  });
});
