import { expect, it } from 'vitest';
import { providerIds } from '../core/provider.ts';
import { adapters } from './registry.ts';

it.each(providerIds)('%s has an adapter of its name, with the limits it was given', (id) => {
  const limits = { maxFileBytes: 1, maxFiles: 2, maxTotalBytes: 3 };
  const provider = adapters[id]({
    baseUrl: 'http://127.0.0.1:9',
    apiKey: 'key',
    account: 'name',
    emulated: false,
    limits,
    timeouts: { connectMs: 1, idleMs: 1, totalMs: 1 },
  });
  expect(provider).toMatchObject({ id, account: 'name', emulated: false, capabilities: limits });
  const { purposes, chunkBytes, concurrency } = provider.capabilities;
  expect(Object.keys(purposes)).toContain('user_data');
  expect(Math.min(chunkBytes, concurrency)).toBeGreaterThan(0);
});
