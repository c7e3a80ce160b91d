import { describe, expect, it } from 'vitest';
import { createFaultQueue, FAULTS, readFault } from './faults.ts';

describe('a fault from outside', () => {
  it('gets its own fallback for whatever is left out', () => {
    expect(readFault({ fault: 'reset-mid' })).toEqual({
      fault: 'reset-mid',
      on: 'upload',
      times: 1,
      parameters: { afterBytes: 65_536 },
    });
    expect(readFault({ fault: 'repeat-page' })).toMatchObject({ on: 'list', times: 2 });
    expect(readFault({ fault: 'no-such', on: 'content', times: 3 })).toMatchObject({
      on: 'content',
      times: 3,
    });
  });

  it.each([
    ['nothing', undefined, /JSON object/],
    ['an unknown name', { fault: 'no-fault' }, /"no-fault"/],
    ['a name of Object', { fault: 'toString' }, /"toString"/],
    ['an unknown parameter', { fault: 'stall', delayMs: 1 }, /"delayMs" is not known/],
    [
      'a parameter of the wrong type',
      { fault: 'slow-answer', delayMs: '1' },
      /"delayMs" must be a whole number/,
    ],
    ['a negative time', { fault: 'slow-answer', delayMs: -1 }, /"delayMs"/],
    ['a status that is none', { fault: 'status', status: 99 }, /"status"/],
    ['headers that are none', { fault: 'status', headers: { a: 'b\r\nc' } }, /"headers"/],
    ['a wait that cannot be a header', { fault: 'status', retryAfter: 'a\nb' }, /"retryAfter"/],
    ['a value that is no choice', { fault: 'no-id', value: 'x' }, /one of absent, empty, numeric, null/],
    ['a missing parameter', { fault: 'redirect' }, /"location" is missing/],
    ['an operation it does not fit', { fault: 'shuffle', on: 'upload' }, /"on" must be one of list/],
    ['times that are none', { fault: 'stall', times: 0 }, /"times"/],
    ['a flag that is none', { fault: 'delete-then-status', reset: 1 }, /"reset" must be true or false/],
  ])('is refused when it is %s', (_, input, message) => {
    expect(() => readFault(input)).toThrow(message);
  });

  it.each(Object.keys(FAULTS))('%s takes only operations it says it takes', (name) => {
    const required = name === 'redirect' ? { location: 'http://x/' } : {};
    for (const on of FAULTS[name as keyof typeof FAULTS].on) {
      expect(readFault({ fault: name, on, ...required }).on).toBe(on);
    }
    expect(() => readFault({ fault: name, on: 'rename', ...required })).toThrow(/"on"/);
  });
});

describe('the queue', () => {
  it('plays in order, by operation, as often as said', () => {
    const queue = createFaultQueue();
    queue.add({ fault: 'stall', times: 2 });
    queue.add({ fault: 'gzip' });
    queue.add({ fault: 'shuffle' });
    expect(queue.take('delete')).toBeNull();
    const played = [1, 2, 3, 4].map(() => queue.take('upload')?.fault);
    expect(played).toEqual(['stall', 'stall', 'gzip', undefined]);
    expect(queue.all().map(({ fault }) => fault)).toEqual(['shuffle']);
    queue.clear();
    expect(queue.take('list')).toBeNull();
  });
});
