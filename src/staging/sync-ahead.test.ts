import { expect, it } from 'vitest';
import { createSyncAhead } from './sync-ahead.ts';

it('runs one sync at a time, and the next after it ended, well or not', async () => {
  const syncAhead = createSyncAhead();
  for (const end of ['resolve', 'reject'] as const) {
    const run = Promise.withResolvers<void>();
    await expect.poll(() => syncAhead(() => run.promise)).toBe(true);
    expect(syncAhead(async () => expect.unreachable())).toBe(false);
    run[end]();
  }
  await expect.poll(() => syncAhead(async () => undefined)).toBe(true);
});
