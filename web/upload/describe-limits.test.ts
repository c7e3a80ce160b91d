import { expect, it } from 'vitest';
import type { ProviderObject } from '../../src/client/browser.ts';
import { describeLimits } from './describe-limits.ts';

const provider: ProviderObject = {
  id: 'kimi',
  object: 'provider',
  account: 'account',
  emulated: true,
  limits: { max_file_bytes: 2 ** 20, max_files: 10, max_total_bytes: 2 ** 30, lifetime_seconds: null },
  purposes: {
    user_data: { purpose: 'file-extract', extensions: ['pdf', 'txt'] },
    agent: { purpose: 'agent', extensions: null },
    vision: { purpose: 'image', extensions: ['a', 'b', 'c', 'd', 'e', 'f', 'g'] },
  },
  content: 'extracted-text',
  used: { files: 12, bytes: 2 ** 29 },
  breaker: 'closed',
  last_activity_at: null,
};

it('says what fits, how long it stays and what is taken', () => {
  expect(describeLimits(provider, 'user_data')).toBe(
    'Files up to 1 MB, room for 0 more, 512 MB left, kept until deleted. Takes pdf, txt.',
  );
  expect(describeLimits(provider, 'agent')).toContain('Takes any type');
  expect(describeLimits(provider, 'vision')).toContain('Takes a, b, c, d, e, f and 1 more types.');
  expect(describeLimits(provider, 'batch')).toContain('Takes nothing for this purpose.');
  const fleeting = { ...provider.limits, max_files: null, max_total_bytes: null, lifetime_seconds: 172_800 };
  expect(describeLimits({ ...provider, limits: fleeting }, 'agent')).toMatch(
    /^Files up to 1 MB, kept for 2 days\./u,
  );
});
