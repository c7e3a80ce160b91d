import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createBell } from './bell.ts';

const never = new AbortController().signal;

describe('a bell', () => {
  it('wakes who waits, and is remembered until somebody does', async () => {
    const bell = createBell();
    const waiting = bell.rung({ timeoutMs: null, signal: never });
    bell.ring();
    await waiting;
    bell.ring();
    await bell.rung({ timeoutMs: null, signal: never });
    expect(getEventListeners(never, 'abort')).toEqual([]);
  });

  it('is not waited for longer than asked, nor once the signal has aborted', async () => {
    const bell = createBell();
    await bell.rung({ timeoutMs: 1, signal: never });
    const controller = new AbortController();
    const waiting = bell.rung({ timeoutMs: null, signal: controller.signal });
    controller.abort();
    await waiting;
    await bell.rung({ timeoutMs: null, signal: controller.signal });
  });
});
