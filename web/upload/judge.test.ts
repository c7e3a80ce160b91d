import { describe, expect, it } from 'vitest';
import type { ProviderObject } from '../../src/client/browser.ts';
import { destinationText, judge, type Plan } from './judge.ts';

const MB = 2 ** 20;

const provider = (
  id: ProviderObject['id'],
  extensions: string[] | null,
  maxFileBytes = 100 * MB,
): ProviderObject => ({
  id,
  object: 'provider',
  account: 'account',
  emulated: true,
  limits: { max_file_bytes: maxFileBytes, max_files: 1_000, max_total_bytes: null, lifetime_seconds: null },
  purposes: {
    user_data: { purpose: 'file-extract', extensions },
    vision: { purpose: 'image', extensions: ['png'] },
  },
  content: 'none',
  used: { files: 0, bytes: 0 },
  breaker: 'closed',
  last_activity_at: null,
});

const limits = {
  providers: [provider('kimi', ['pdf', 'md']), provider('glm', ['pdf'], 10 * MB)],
  maxFileBytes: 1_000 * MB,
};
const auto: Plan = { destination: { kind: 'auto' }, purpose: 'user_data' };
const named = (...providers: string[]): Plan => ({
  destination: { kind: 'named', providers },
  purpose: 'user_data',
});
const file = (name: string, sizeBytes = MB) => ({ name, sizeBytes });

describe('what is to be expected of a file', () => {
  it('is nothing bad where a provider takes it, whatever the case of its extension', () => {
    expect(judge(file('A.PDF'), auto, limits)).toEqual({ kind: 'fine' });
    expect(judge(file('a.pdf'), named('kimi', 'glm'), limits)).toEqual({ kind: 'fine' });
    expect(judge(file('a.exe'), { ...auto, destination: { kind: 'none' } }, limits)).toEqual({
      kind: 'fine',
    });
  });

  it('is a refusal by one of two, which the other makes good', () => {
    expect(judge(file('a.md'), named('kimi', 'glm'), limits)).toEqual({
      kind: 'partly',
      reason: 'GLM does not take .md files for this purpose.',
    });
  });

  it('is a refusal by all, with what would help', () => {
    expect(judge(file('a.md'), named('glm'), limits)).toEqual({
      kind: 'refused',
      reason: 'GLM does not take .md files for this purpose.',
      help: 'Kimi would take it.',
    });
    expect(judge(file('a.pdf', 20 * MB), named('glm'), limits)).toMatchObject({
      reason: 'GLM takes files up to 10 MB.',
      help: 'Kimi would take it.',
    });
    expect(judge(file('a.png'), auto, limits)).toMatchObject({
      help: 'Another purpose may fit, or keep it here only.',
    });
    expect(judge(file('a.exe'), auto, limits)).toMatchObject({
      help: 'Keep it here only, without delivering it.',
    });
    expect(judge(file('README'), named('kimi'), limits)).toMatchObject({
      reason: 'Kimi takes no files without an extension for this purpose.',
    });
    expect(judge(file('a.pdf'), { ...auto, purpose: 'batch' }, limits)).toMatchObject({
      reason: 'Kimi has no use for this purpose. GLM has no use for this purpose.',
    });
  });

  it('is a refusal by the gateway, wherever it is to go', () => {
    const keep: Plan = { ...auto, destination: { kind: 'none' } };
    expect(judge(file('a.pdf', 0), keep, limits).kind).toBe('refused');
    expect(judge(file('a.pdf', 1_001 * MB), keep, limits)).toMatchObject({
      reason: 'The gateway takes files up to 1000 MB.',
    });
    expect(judge(file('a.pdf', 1_001 * MB), keep, { ...limits, maxFileBytes: null }).kind).toBe('fine');
    expect(judge(file('a.pdf'), named(), limits).kind).toBe('refused');
  });
});

it('is told to the gateway in its own words', () => {
  expect([auto, named('kimi', 'glm')].map(({ destination }) => destinationText(destination))).toEqual([
    'auto',
    'kimi,glm',
  ]);
  expect(destinationText({ kind: 'none' })).toBe('none');
});
