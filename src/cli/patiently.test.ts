import { describe, expect, it } from 'vitest';
import { ClientError } from '../client/client-error.ts';
import { patiently } from './patiently.ts';

const refused = (retryAfterMs: number | undefined) =>
  new ClientError('rate_limited', 'More than 600 uploads in a minute.', { httpStatus: 429, retryAfterMs });
const { signal } = new AbortController();

describe('patience', () => {
  it('L09 waits as long as the gateway asks for, each time, and goes on', async () => {
    const waits: number[] = [];
    const answers = [refused(30), refused(20)];
    const startedAt = performance.now();
    const work = async () => {
      const error = answers.shift();
      if (error !== undefined) throw error;
      return 'done';
    };
    expect(await patiently(work, { signal, onWait: (waitMs) => void waits.push(waitMs) })).toBe('done');
    expect(waits).toEqual([30, 20]);
    // Timers may be a millisecond early.
    expect(performance.now() - startedAt).toBeGreaterThan(45);
  });

  it.each([
    ['another refusal', new ClientError('quota_exceeded', 'Full.', { retryAfterMs: 1 })],
    ['a limit that says no time', refused(undefined)],
    ['a limit of another kind', refused(900_000)],
    ['a fault', new Error('A fault.')],
  ])('has none with %s', async (_what, error) => {
    const onWait = (): never => expect.unreachable('It waits.');
    await expect(patiently(() => Promise.reject(error), { signal, onWait })).rejects.toBe(error);
  });

  it('ends when it is interrupted', async () => {
    const interrupted = new AbortController();
    const error = refused(60_000);
    const work = () => Promise.reject(error);
    const waiting = patiently(work, { signal: interrupted.signal, onWait: () => interrupted.abort() });
    await expect(waiting).rejects.toBe(error);
  });
});
