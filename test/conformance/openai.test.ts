import { describe, expect, it } from 'vitest';
import { startOpenAiEmulator } from '../../emulators/openai.ts';
import { createOpenAi } from '../../src/providers/openai.ts';
import { all, expectFailure, REJECTED, REPEATABLE, UNAVAILABLE, within } from './outcome.ts';
import { type ProviderSubject, providerStarter, seedFiles, send } from './provider-subject.ts';
import { describeProvider } from './provider-suite.ts';

describeProvider('the OpenAI adapter', { start: providerStarter(createOpenAi, startOpenAiEmulator, {}) });

type Variants = NonNullable<Parameters<typeof startOpenAiEmulator>[0]['variants']>;

const withOpenAi = async (
  variants: Variants,
  run: (subject: ProviderSubject) => Promise<void>,
  limits: object = {},
): Promise<void> => {
  const subject = await providerStarter(createOpenAi, startOpenAiEmulator, { variants })({ limits });
  try {
    await run(subject);
  } finally {
    await subject.close();
  }
};

describe('the OpenAI adapter', () => {
  it('takes a file that is uploaded for one that is ready, since most are never processed', () =>
    withOpenAi({ uploadedRetrieves: 5 }, async ({ provider, emulator }) => {
      const sent = await send(provider);
      expect((await emulator.api('GET', `/files/${sent.id}`)).json()).toMatchObject({ status: 'uploaded' });
      expect(await provider.retrieve(sent.id, {})).toEqual(sent);
      expect(sent).toMatchObject({ filename: 'notes.txt', state: 'ready', sizeBytes: 1_000, detail: null });
    }));

  it('passes on that a file could not be processed, and why', () =>
    withOpenAi({ processingEnds: 'error' }, async ({ provider }) => {
      expect(await send(provider)).toMatchObject({
        state: 'failed',
        detail: expect.stringMatching(/processed/u),
      });
    }));

  it('reports the expiry that the provider gives to batches', () =>
    withOpenAi({}, async ({ provider }) => {
      const { createdAt, expiresAt } = await send(provider, { purpose: 'batch', filename: 'a.jsonl' });
      expect(Number(expiresAt) - Number(createdAt)).toBe(30 * 86_400_000);
    }));

  it('tells a used-up account from a busy service, and does as x-should-retry says', () =>
    withOpenAi({}, async ({ provider, emulator }) => {
      for (const [fault, expected] of [
        [
          { status: 429, code: 'insufficient_quota' },
          { code: 'provider_quota_exceeded', retry: 'never' },
        ],
        [
          { status: 429, code: 'insufficient_quota', headers: { 'x-should-retry': 'true' } },
          { code: 'provider_quota_exceeded', retry: 'never' },
        ],
        [{ status: 429 }, { code: 'provider_unavailable', retry: 'later', retryAfterMs: null }],
        [
          { status: 429, headers: { 'retry-after-ms': '250' } },
          { code: 'provider_unavailable', retry: 'later', retryAfterMs: 250 },
        ],
        [
          { status: 503, headers: { 'x-should-retry': 'false' } },
          { code: 'provider_unavailable', retry: 'never' },
        ],
        [{ status: 400, headers: { 'x-should-retry': 'true' } }, UNAVAILABLE],
        [{ status: 400, headers: { 'x-should-retry': 'false' } }, REJECTED],
        [{ status: 409 }, REPEATABLE],
        [
          { status: 403, code: 'unsupported_country_region_territory' },
          { code: 'provider_unauthorized', retry: 'never' },
        ],
      ] as const) {
        await emulator.fault('status', fault);
        await expect(send(provider), JSON.stringify(fault)).rejects.toMatchObject(expected);
      }
    }));

  it.each([{ maxFiles: 1 }, { maxTotalBytes: 1_500 }])('says that the project is full: %o', (limits) =>
    withOpenAi(
      {},
      async ({ provider }) => {
        await send(provider);
        await expectFailure(send(provider), { code: 'provider_quota_exceeded', retry: 'never' });
      },
      limits,
    ),
  );

  it('reads a list of several pages', () =>
    withOpenAi(
      {},
      async (subject) => {
        const ids = await seedFiles(subject, 1_005);
        const files = await within(all(subject.provider.list({})), 10_000);
        expect(files.map(({ id }) => id).toSorted()).toEqual([...ids].toSorted());
        const listings = (await subject.emulator.state()).requests.filter(({ path }) =>
          path.startsWith('/v1/files?'),
        );
        expect(listings).toHaveLength(2);
      },
      { maxFiles: 2_000 },
    ));
});
