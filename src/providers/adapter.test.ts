import { describe, expect, it } from 'vitest';
import { accountName, remoteIdShape, toDate } from './adapter.ts';

describe('the name of an account', () => {
  it('is the same for the same key at the same host, and tells nothing of the key', () => {
    const name = accountName('https://api.moonshot.ai/v1', 'sk-secret');
    expect(accountName('https://api.moonshot.ai/v1/', 'sk-secret')).toBe(name);
    expect(accountName('https://api.moonshot.cn/v1', 'sk-secret')).not.toBe(name);
    expect(accountName('https://api.moonshot.ai/v1', 'sk-secret2')).not.toBe(name);
    expect(name).toMatch(/^[0-9a-f]{12}$/u);
  });
});

describe('the id of a remote file', () => {
  it.each(['clg681objj8g9m7n4je0', '20240514_0b1c-4d', 'file-fe-1', 'a.b:c', 'x'.repeat(200)])(
    'may be %s',
    (id) => expect(remoteIdShape.safeParse(id).success).toBe(true),
  );

  it.each(['', '.', '..', '...', '../x', 'a/b', 'a b', 'a\n', 'ä', 'x'.repeat(201), 12, null, undefined])(
    'may not be %j',
    (id) => expect(remoteIdShape.safeParse(id).success).toBe(false),
  );
});

describe('the time of a remote file', () => {
  it.each([
    [1_700_000_000, '2023-11-14T22:13:20.000Z'],
    [1_700_000_000_123, '2023-11-14T22:13:20.123Z'],
    [1.5, '1970-01-01T00:00:01.500Z'],
    ['2025-04-15T18:37:24.100435Z', '2025-04-15T18:37:24.100Z'],
    ['2025-04-15T20:37:24+02:00', '2025-04-15T18:37:24.000Z'],
  ])('%s is %s', (time, expected) => expect(toDate(time)?.toISOString()).toBe(expected));

  it.each([null, undefined, 0, -5, 1e300, '', 'soon'])('%s is none', (time) =>
    expect(toDate(time)).toBeNull(),
  );
});
