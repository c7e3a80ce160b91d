import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Provider, type ProviderId, providerIds } from '../core/provider.ts';
import { type Purpose, purposes } from '../core/purpose.ts';
import { adapters } from '../providers/registry.ts';
import { type Acceptance, type RoutedFile, type RouteOptions, route } from './route.ts';

const MB = 2 ** 20;
const AUTO = { kind: 'auto' } as const;
const named = (...providers: ProviderId[]) => ({ kind: 'named', providers }) as const;

/** The real adapters, which are never called here; only their capabilities count. */
const provider = (id: ProviderId, maxFileBytes = 100 * MB): Provider =>
  adapters[id]({
    baseUrl: 'http://127.0.0.1:9',
    apiKey: 'unused-key',
    account: 'account',
    emulated: true,
    limits: { maxFileBytes, maxFiles: 10, maxTotalBytes: 10 ** 10 },
    timeouts: { connectMs: 1, idleMs: 1, totalMs: 1 },
  });

const options = (
  providers: Provider[] = [provider('kimi'), provider('glm')],
  autoGlmAboveBytes = 512 * MB,
): RouteOptions => ({
  providers: new Map(providers.map((one) => [one.id, one])),
  autoGlmAboveBytes,
});
const file = (overrides: Partial<RoutedFile> = {}): RoutedFile => ({
  filename: 'a.pdf',
  sizeBytes: MB,
  purpose: 'user_data',
  ...overrides,
});
/** `kimi as file-extract`, or `not kimi`. */
const summary = (acceptances: readonly Acceptance[]): string[] =>
  acceptances.map((one) =>
    one.accepted ? `${one.provider.id} as ${one.purpose}` : `not ${one.provider.id}`,
  );
const large = [provider('kimi', 2_000 * MB), provider('glm', 2_000 * MB)];

describe('auto with a provider in trouble', () => {
  const avoid = new Map<ProviderId, string>([['kimi', 'kimi is in trouble just now.']]);

  it('takes the next that accepts, and says why', () => {
    const [one] = route(file(), { kind: 'auto' }, { ...options(), avoid });
    expect(one).toMatchObject({ accepted: true, provider: { id: 'glm' } });
    expect(one?.reason).toContain('kimi is in trouble just now.');
  });

  it('takes it all the same when no other accepts: it will recover', () => {
    const routed = route(file({ filename: 'a.epub' }), { kind: 'auto' }, { ...options(), avoid });
    expect(summary(routed)).toEqual(['kimi as file-extract']);
  });
});

describe('auto', () => {
  it.each<[string, Partial<RoutedFile>, Provider[] | undefined, string[]]>([
    ['a small document goes to Kimi', {}, undefined, ['kimi as file-extract']],
    ['at the bound it is still Kimi', { sizeBytes: 512 * MB }, large, ['kimi as file-extract']],
    ['above the bound it is GLM', { sizeBytes: 512 * MB + 1 }, large, ['glm as agent']],
    [
      'above the bound, of a type GLM does not take, it is Kimi',
      { sizeBytes: 600 * MB, filename: 'a.epub' },
      large,
      ['kimi as file-extract'],
    ],
    [
      'too large for Kimi alone, it is GLM',
      { sizeBytes: 200 * MB },
      [provider('kimi'), provider('glm', 500 * MB)],
      ['glm as agent'],
    ],
    [
      'of a type Kimi does not take, it is GLM',
      { purpose: 'vision', filename: 'a.PNG' },
      [provider('glm')],
      ['glm as agent'],
    ],
    [
      'for a purpose only GLM has, it is GLM',
      { purpose: 'code-interpreter', filename: 'a.csv' },
      undefined,
      ['glm as code-interpreter'],
    ],
    [
      'for a purpose only Kimi has, it is Kimi',
      { purpose: 'video', filename: 'a.mp4' },
      undefined,
      ['kimi as video'],
    ],
    [
      'for a purpose nobody has, both refuse',
      { purpose: 'fine-tune', filename: 'a.jsonl' },
      undefined,
      ['not kimi', 'not glm'],
    ],
    ['too large for both, both refuse', { sizeBytes: 600 * MB }, undefined, ['not glm', 'not kimi']],
    ['without Kimi it is GLM', {}, [provider('glm')], ['glm as agent']],
    [
      'without GLM a large one is Kimi',
      { sizeBytes: 600 * MB },
      [provider('kimi', 2_000 * MB)],
      ['kimi as file-extract'],
    ],
    ['without any provider there is no route', {}, [], []],
  ])('%s', (_name, overrides, providers, expected) => {
    expect(summary(route(file(overrides), AUTO, options(providers)))).toEqual(expected);
  });

  it('says why it chose, and why not the one it prefers', () => {
    const [preferred] = route(file(), AUTO, options());
    expect(preferred?.reason).toBe(`Up to ${512 * MB} bytes auto prefers kimi.`);
    const [second] = route(file({ purpose: 'agent' }), AUTO, options());
    expect(second?.reason).toBe('Chosen by auto: glm accepts the file. kimi has no use for purpose "agent".');
    const [bySize] = route(file({ sizeBytes: 600 * MB }), AUTO, options(large));
    expect(bySize?.reason).toBe(`Above ${512 * MB} bytes auto prefers glm.`);
  });

  it('follows the configured bound', () => {
    expect(summary(route(file({ sizeBytes: 101 }), AUTO, options(undefined, 100)))).toEqual(['glm as agent']);
    expect(summary(route(file({ sizeBytes: 100 }), AUTO, options(undefined, 100)))).toEqual([
      'kimi as file-extract',
    ]);
  });
});

describe('named providers', () => {
  it.each<[ProviderId[], Partial<RoutedFile>, string[]]>([
    [['kimi', 'glm'], {}, ['kimi as file-extract', 'glm as agent']],
    [['glm', 'kimi'], {}, ['glm as agent', 'kimi as file-extract']],
    [['glm'], { filename: 'a.md' }, ['not glm']],
    [['kimi', 'glm'], { filename: 'a.md' }, ['kimi as file-extract', 'not glm']],
    [[], {}, []],
  ])('%j are each asked on their own: %j', (providers, overrides, expected) => {
    expect(summary(route(file(overrides), named(...providers), options()))).toEqual(expected);
  });

  it('that are not configured are left out', () => {
    expect(summary(route(file(), named('kimi', 'glm'), options([provider('glm')])))).toEqual([
      'glm as agent',
    ]);
  });
});

describe('a refusal', () => {
  const reason = (overrides: Partial<RoutedFile>): string | undefined =>
    route(file(overrides), named('glm'), options([provider('glm', 1_000)]))[0]?.reason;

  it('says what the limit is, and what the file is', () => {
    expect(reason({ sizeBytes: 1_001 })).toBe('glm takes files up to 1000 bytes, this one has 1001.');
    expect(reason({ sizeBytes: 1_000, filename: 'A.ZIP' })).toBe(
      'glm does not take .zip files for purpose "user_data".',
    );
    expect(reason({ sizeBytes: 1, filename: 'README' })).toBe(
      'glm does not take files without an extension for purpose "user_data".',
    );
    expect(reason({ sizeBytes: 1, purpose: 'evals' })).toBe('glm has no use for purpose "evals".');
  });
});

describe('any route', () => {
  const files = fc.record({
    filename: fc.oneof(
      fc.string(),
      fc.constantFrom('a.pdf', 'a.PNG', 'a.mp4', 'a.jsonl', 'a', '.pdf', 'a.constructor'),
    ),
    sizeBytes: fc.integer({ min: 1, max: 10 ** 10 }),
    purpose: fc.constantFrom<Purpose>(...purposes),
  });

  it('is the same each time, never above a limit, and by auto at most one', () => {
    fc.assert(
      fc.property(
        files,
        fc.integer({ min: 1, max: 10 ** 10 }),
        fc.integer({ min: 1, max: 10 ** 10 }),
        (one, limit, bound) => {
          const given = options([provider('kimi', limit), provider('glm', 100 * MB)], bound);
          const chosen = route(one, AUTO, given);
          expect(summary(route(one, AUTO, given))).toEqual(summary(chosen));
          const accepted = chosen.filter((judged) => judged.accepted);
          expect(accepted.length === 1 ? chosen.length : accepted.length).toBe(accepted.length);
          for (const { provider: taker } of accepted)
            expect(one.sizeBytes).toBeLessThanOrEqual(taker.capabilities.maxFileBytes);
          expect(chosen.every((judged) => judged.reason.length > 0)).toBe(true);
        },
      ),
    );
  });

  it('by auto is among those the providers accept when they are named', () => {
    fc.assert(
      fc.property(files, (one) => {
        const willing = route(one, named(...providerIds), options()).filter(({ accepted }) => accepted);
        const chosen = route(one, AUTO, options()).filter(({ accepted }) => accepted);
        expect(chosen.length).toBe(Math.min(1, willing.length));
        expect(summary(willing)).toEqual(expect.arrayContaining(summary(chosen)));
      }),
    );
  });
});
