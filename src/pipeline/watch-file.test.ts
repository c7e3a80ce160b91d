import { describe, expect, it } from 'vitest';
import { createFileChanges } from './file-changes.ts';
import { type Wait, watchFile } from './watch-file.ts';

const MINUTE_MS = 60_000;

/** A file whose record is a number, watched until it is `wanted`; `onLook` runs within each look. */
const watched = ({ wanted, onLook }: { wanted: number; onLook?: (look: number) => void }) => {
  const changes = createFileChanges();
  const stopping = new AbortController();
  const record = { value: 0, looks: 0 };
  return {
    record,
    stopping,
    set: (value: number): void => {
      record.value = value;
      changes.announce('file-1');
    },
    watch: (wait: Wait): Promise<number> =>
      watchFile({ changes, stopping: stopping.signal }, 'file-1', wait, async () => {
        const { value } = record;
        record.looks += 1;
        onLook?.(record.looks);
        return { value, isDone: value >= wanted };
      }),
  };
};

describe('watching a file', () => {
  it('ends with the first look when that is as wanted', async () => {
    const file = watched({ wanted: 0 });
    expect(await file.watch({ waitMs: MINUTE_MS })).toBe(0);
    expect(file.record.looks).toBe(1);
  });

  it('looks once when there is nothing to wait', async () => {
    const file = watched({ wanted: 1 });
    expect(await file.watch({ waitMs: 0 })).toBe(0);
    expect(file.record.looks).toBe(1);
  });

  it('looks again at each announced change, at once: a hundred take no hundred seconds', async () => {
    const file = watched({ wanted: 100, onLook: (look) => setImmediate(() => file.set(look)) });
    expect(await file.watch({ waitMs: MINUTE_MS })).toBe(100);
    expect(file.record.looks).toBe(101);
  }, 20_000);

  it('does not miss a change that happens while it looks', async () => {
    const file = watched({ wanted: 50, onLook: (look) => file.set(look) });
    expect(await file.watch({ waitMs: MINUTE_MS })).toBe(50);
  }, 20_000);

  it('finds a change that nobody announced, as another instance makes it', async () => {
    const file = watched({ wanted: 1 });
    const watching = file.watch({ waitMs: MINUTE_MS });
    file.record.value = 1;
    expect(await watching).toBe(1);
  });

  it('answers with the last look when the wait is over', async () => {
    const file = watched({ wanted: 2, onLook: (look) => look === 1 && setImmediate(() => file.set(1)) });
    expect(await file.watch({ waitMs: 50 })).toBe(1);
  });

  it('ends when the caller goes away or the gateway stops, also if that was before', async () => {
    const caller = new AbortController();
    const byCaller = watched({ wanted: 1, onLook: () => setImmediate(() => caller.abort()) });
    expect(await byCaller.watch({ waitMs: MINUTE_MS, signal: caller.signal })).toBe(0);
    expect(await byCaller.watch({ waitMs: MINUTE_MS, signal: caller.signal })).toBe(0);
    const byStop = watched({ wanted: 1, onLook: () => setImmediate(() => byStop.stopping.abort()) });
    expect(await byStop.watch({ waitMs: MINUTE_MS, signal: new AbortController().signal })).toBe(0);
    expect(await byStop.watch({ waitMs: MINUTE_MS })).toBe(0);
  });

  it('fails with the look, and leaves no timer behind then', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    const file = watched({
      wanted: 1,
      onLook: () => {
        throw new Error('The record cannot be read.');
      },
    });
    await expect(file.watch({ waitMs: MINUTE_MS })).rejects.toThrow('The record cannot be read.');
    await new Promise(setImmediate);
    expect(timers()).toBe(before);
  });

  it('leaves no timer behind when it was told to end before it began', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    const file = watched({ wanted: 1 });
    await file.watch({ waitMs: MINUTE_MS, signal: AbortSignal.abort() });
    await new Promise(setImmediate);
    expect(timers()).toBe(before);
  });
});
