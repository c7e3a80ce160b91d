import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createFileChanges } from './file-changes.ts';

const MINUTE_MS = 60_000;
const never = new AbortController().signal;
const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

/** Whether the promise has settled by the time everything due now has run. */
const isSettled = async (promise: Promise<void>): Promise<boolean> => {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  await new Promise(setImmediate);
  return settled;
};

describe('the next change of a file', () => {
  it('wakes everyone who waits for that file, and nobody else', async () => {
    const changes = createFileChanges();
    const end = new AbortController();
    const wait = (id: string): Promise<void> =>
      changes.next(id, { timeoutMs: MINUTE_MS, signal: end.signal });
    const [first, second, other] = [wait('file-1'), wait('file-1'), wait('file-2')];
    changes.announce('file-1');
    expect([await isSettled(first), await isSettled(second), await isSettled(other)]).toEqual([
      true,
      true,
      false,
    ]);
    end.abort();
    await other;
  });

  it('is one that comes after the wait began', async () => {
    const changes = createFileChanges();
    changes.announce('file-1');
    const end = new AbortController();
    const waiting = changes.next('file-1', { timeoutMs: MINUTE_MS, signal: end.signal });
    expect(await isSettled(waiting)).toBe(false);
    changes.announce('file-1');
    changes.announce('file-1');
    await waiting;
  });

  it('is not waited for longer than asked', async () => {
    await createFileChanges().next('file-1', { timeoutMs: 1, signal: never });
  });

  it('is not waited for after an abort, be it before the wait or in it', async () => {
    const changes = createFileChanges();
    const end = new AbortController();
    const waiting = changes.next('file-1', { timeoutMs: MINUTE_MS, signal: end.signal });
    end.abort();
    await waiting;
    await changes.next('file-1', { timeoutMs: MINUTE_MS, signal: end.signal });
  });

  it('leaves no timer and no listener behind', async () => {
    const changes = createFileChanges();
    const { signal } = new AbortController();
    const before = timers();
    const waiting = Array.from({ length: 20 }, () =>
      changes.next('file-1', { timeoutMs: MINUTE_MS, signal }),
    );
    expect(timers()).toBeGreaterThan(before);
    changes.announce('file-1');
    await Promise.all(waiting);
    expect(timers()).toBe(before);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

describe('listening', () => {
  it('hears of the changes that name an owner, until it ends', () => {
    const changes = createFileChanges();
    const heard: string[] = [];
    const close = changes.listen((fileId, owner) => heard.push(`${owner} ${fileId}`));
    changes.announce('file-1', 'user-1');
    changes.announce('file-2');
    close();
    changes.announce('file-3', 'user-1');
    expect(heard).toEqual(['user-1 file-1']);
  });
});
