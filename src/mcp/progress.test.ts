import { describe, expect, it, vi } from 'vitest';
import { createProgress } from './progress.ts';

type Context = Parameters<typeof createProgress>[0];

const contextOf = (progressToken: string | undefined, notify: (params: unknown) => void): Context =>
  ({
    mcpReq: {
      _meta: { progressToken },
      notify: async ({ params }: { params: unknown }) => notify(params),
    },
  }) as unknown as Context;

describe('progress', () => {
  it('rises, comes at most four times a second, and ends with the last of the call', async () => {
    vi.useFakeTimers();
    const seen: unknown[] = [];
    const progress = createProgress(contextOf('t', (params) => seen.push(params)));
    for (let step = 0; step < 100; step += 1)
      progress.report({ progress: step, total: 200, message: `${step}` });
    expect(seen).toEqual([{ progressToken: 't', progress: 0, total: 200, message: '0' }]);
    vi.advanceTimersByTime(249);
    expect(seen).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(seen.at(-1)).toMatchObject({ progress: 99 });
    progress.report({ progress: 50, total: 200, message: 'behind' });
    vi.advanceTimersByTime(1_000);
    expect(seen).toHaveLength(2);
    progress.report({ progress: 150, total: 200, message: 'on' });
    expect(seen.at(-1)).toMatchObject({ progress: 150 });
    progress.report({ progress: 180, total: 200, message: 'late' });
    progress.end();
    progress.report({ progress: 200, total: 200, message: 'later' });
    vi.advanceTimersByTime(1_000);
    expect(seen).toHaveLength(4);
    expect(seen.at(-1)).toMatchObject({ progress: 180 });
    vi.useRealTimers();
  });

  it('is told to nobody who did not ask', () => {
    const seen: unknown[] = [];
    const progress = createProgress(contextOf(undefined, (params) => seen.push(params)));
    progress.report({ progress: 1, total: 2, message: 'half' });
    expect([progress.isWanted, seen]).toEqual([false, []]);
  });
});
