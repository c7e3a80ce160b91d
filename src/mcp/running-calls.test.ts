import { describe, expect, it } from 'vitest';
import { createRunningCalls } from './running-calls.ts';

const signal = new AbortController().signal;
const call = { owner: 'ada', session: 'one', id: 1, signal };
/** Resolves once the call is cancelled. */
const untilCancelled = (cancelled: AbortSignal): Promise<string> =>
  new Promise((resolve) => cancelled.addEventListener('abort', () => resolve('cancelled'), { once: true }));

describe('calls that run', () => {
  it('are cancelled by who made them, in the same session and by the same id', async () => {
    const running = createRunningCalls();
    let isCancelled = false;
    const ended = running.run(call, async (cancelled) => {
      const outcome = await untilCancelled(cancelled);
      isCancelled = true;
      return outcome;
    });
    for (const other of [
      { ...call, owner: 'bob' },
      { ...call, session: 'two' },
      { ...call, session: null },
      { ...call, id: '1' },
      { ...call, id: 2 },
    ])
      running.cancel(other);
    await Promise.resolve();
    expect(isCancelled).toBe(false);
    running.cancel(call);
    expect(await ended).toBe('cancelled');
    running.cancel(call);
  });

  it('cannot be named without a session, and end with their own signal', async () => {
    const running = createRunningCalls();
    const leaving = new AbortController();
    const ended = running.run({ ...call, session: null, signal: leaving.signal }, untilCancelled);
    running.cancel({ ...call, session: null });
    leaving.abort();
    expect(await ended).toBe('cancelled');
  });

  it('are so many of one owner, who may have others once some have ended', async () => {
    const running = createRunningCalls(2);
    const gate = Promise.withResolvers<void>();
    const first = [running.run(call, () => gate.promise), running.run(call, () => gate.promise)];
    await expect(running.run(call, async () => 'run')).rejects.toMatchObject({ code: 'rate_limited' });
    expect(await running.run({ ...call, owner: 'bob' }, async () => 'run')).toBe('run');
    gate.resolve();
    await Promise.all(first);
    expect(await running.run(call, async () => 'run')).toBe('run');
    await expect(running.run(call, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    expect(await running.run(call, async () => 'run')).toBe('run');
  });

  it('are waited for, but not for ever', async () => {
    const running = createRunningCalls();
    await running.idle(signal);
    const gate = Promise.withResolvers<void>();
    const ended = running.run(call, () => gate.promise);
    await running.idle(AbortSignal.abort());
    await running.idle(AbortSignal.timeout(20));
    const idle = running.idle(AbortSignal.timeout(60_000));
    gate.resolve();
    await Promise.all([idle, ended]);
  });
});
