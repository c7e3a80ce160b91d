import { constants, PerformanceObserver } from 'node:perf_hooks';
import { expect, it } from 'vitest';
import { noteSpentBuffers } from './spent-buffers.ts';

const MB = 2 ** 20;

it('collects the young generation for every few dozen megabytes of buffers, and nothing else', async () => {
  const kinds: (number | undefined)[] = [];
  const seen = Promise.withResolvers<void>();
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) kinds.push((entry as { detail?: { kind?: number } }).detail?.kind);
    if (kinds.length >= 3) seen.resolve();
  });
  observer.observe({ entryTypes: ['gc'] });
  for (let spent = 0; spent < 100; spent += 1) noteSpentBuffers(MB);
  await seen.promise;
  observer.disconnect();
  expect(kinds.filter((kind) => kind === constants.NODE_PERFORMANCE_GC_MINOR).length).toBeGreaterThan(2);
});
