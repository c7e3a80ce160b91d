import { describe, expect, it } from 'vitest';
import { startKimiEmulator } from '../../emulators/kimi.ts';
import { createKimi } from '../../src/providers/kimi.ts';
import { expectFailure } from './outcome.ts';
import { providerStarter, send } from './provider-subject.ts';
import { describeProvider } from './provider-suite.ts';

describeProvider('the Kimi adapter', { start: providerStarter(createKimi, startKimiEmulator, {}) });

describe('the Kimi adapter', () => {
  it.each([{ status: 'ok' }, { status: 'processed' }, { omitPurpose: true }] as const)(
    'reads files as it says them: %o',
    async (variants) => {
      const { provider, close } = await providerStarter(createKimi, startKimiEmulator, { variants })();
      try {
        const sent = await send(provider);
        expect(sent).toMatchObject({ filename: 'notes.txt', state: 'ready', sizeBytes: 1_000 });
        expect(await provider.retrieve(sent.id, {})).toEqual(sent);
      } finally {
        await close();
      }
    },
  );

  it('passes on why text could not be extracted, whether refused or kept as an error', async () => {
    for (const variants of [
      { extractionFailure: 'refuse' },
      { extractionFailure: 'status-error', detailsField: 'status_detail' },
      { extractionFailure: 'status-error', detailsField: 'status_details' },
    ] as const) {
      const { provider, close } = await providerStarter(createKimi, startKimiEmulator, { variants })();
      try {
        const sent = send(provider, { bytes: Buffer.alloc(10_000, 'a') });
        const told =
          variants.extractionFailure === 'refuse'
            ? (await expectFailure(sent, { code: 'provider_rejected', retry: 'never' })).message
            : await sent.then(({ state, detail }) => `${state}: ${detail}`);
        expect(told).toMatch(/(Kimi answered|failed): text extract error: 没有解析出内容/u);
      } finally {
        await close();
      }
    }
  });

  it('tells a used-up account from a busy service, and hears the wait that is hidden in the words', async () => {
    const { provider, emulator, close } = await providerStarter(createKimi, startKimiEmulator, {})();
    try {
      for (const [status, code, expected] of [
        [
          429,
          'rate_limit_reached_error',
          { code: 'provider_unavailable', retry: 'later', retryAfterMs: 1_000 },
        ],
        [
          429,
          'engine_overloaded_error',
          { code: 'provider_unavailable', retry: 'later', retryAfterMs: null },
        ],
        [429, 'exceeded_current_quota_error', { code: 'provider_quota_exceeded', retry: 'never' }],
        [403, 'exceeded_current_quota_error', { code: 'provider_quota_exceeded', retry: 'never' }],
        [400, 'content_filter', { code: 'provider_rejected', retry: 'never' }],
      ] as const) {
        await emulator.fault('status', { status, code });
        await expect(send(provider)).rejects.toMatchObject(expected);
      }
    } finally {
      await close();
    }
  });

  it.each([{ maxFiles: 1 }, { maxTotalBytes: 1_500 }])(
    'says that the account is full: %o',
    async (limits) => {
      const { provider, close } = await providerStarter(createKimi, startKimiEmulator, {})({ limits });
      try {
        await send(provider);
        await expectFailure(send(provider), { code: 'provider_quota_exceeded', retry: 'never' });
      } finally {
        await close();
      }
    },
  );
});
