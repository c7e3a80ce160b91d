import { describe, expect, it } from 'vitest';
import { type GeminiVariants, startGeminiEmulator } from '../../emulators/gemini.ts';
import { createGemini } from '../../src/providers/gemini.ts';
import { expectFailure, REJECTED, UNAUTHORIZED, UNAVAILABLE } from './outcome.ts';
import { answerNext, providerStarter, send, storedFiles } from './provider-subject.ts';
import { describeProvider } from './provider-suite.ts';

const protocol = {
  keepsPurpose: false,
  names: 'json',
  failedFile: (message: string) => ({ file: { name: 'files/file-1', state: 'FAILED', error: { message } } }),
  emptyList: {},
} as const;

const start = (variants: Partial<GeminiVariants>) =>
  providerStarter(createGemini, startGeminiEmulator, { variants }, protocol);

describeProvider('the Gemini adapter', {
  start: start({}),
  skip: [
    {
      id: 'PRV-01-fields-first',
      reason: 'what is said of a file goes in a request of its own, before the bytes',
    },
    { id: 'PRV-08-empty', reason: 'Gemini takes an empty file; the gateway refuses one itself' },
    { id: 'PRV-08-unknown-purpose', reason: 'Gemini has no purposes' },
    { id: 'PRV-05-denied', reason: 'its answer to a removal is an empty object, which denies nothing' },
  ],
});

describe('the Gemini adapter', () => {
  it.each([{ processingEnds: 'active' }, { processingEnds: 'failed' }] as const)(
    'tells how a file is processed, and how that ends: %o',
    async (variants) => {
      const { provider, close } = await start({ processingRetrieves: 1, ...variants })();
      try {
        const sent = await send(provider);
        expect(sent).toMatchObject({ state: 'processing', filename: 'notes.txt', detail: null });
        expect(await provider.retrieve(sent.id, {})).toEqual(sent);
        const ended =
          variants.processingEnds === 'active'
            ? { state: 'ready', detail: null }
            : { state: 'failed', detail: expect.stringContaining('failed to be processed') };
        expect(await provider.retrieve(sent.id, {})).toEqual({ ...sent, ...ended });
      } finally {
        await close();
      }
    },
  );

  it('tells a full account from a busy service, and hears the wait that is among the details', async () => {
    const { provider, emulator, close } = await start({ retryDelay: '1.5s' })();
    try {
      for (const on of ['start', 'upload']) {
        for (const [status, code, expected] of [
          [429, undefined, { ...UNAVAILABLE, retryAfterMs: 1_500 }],
          [429, 'FileStorageBytesPerProject', { code: 'provider_quota_exceeded', retry: 'never' }],
          [400, 'API_KEY_INVALID', UNAUTHORIZED],
          [400, 'FAILED_PRECONDITION', REJECTED],
        ] as const) {
          await emulator.fault('status', { on, status, ...(code && { code }) });
          await expect(send(provider)).rejects.toMatchObject(expected);
        }
      }
    } finally {
      await close();
    }
  });

  it('does not take a refused key for files that are not there', async () => {
    const { provider, emulator, close } = await start({})();
    try {
      for (const on of ['retrieve', 'delete'] as const) {
        const { id } = await send(provider);
        await emulator.fault('status', { on, status: 403 });
        const call = on === 'delete' ? provider.remove(id, {}) : provider.retrieve(id, {});
        await expectFailure(call, UNAUTHORIZED);
      }
    } finally {
      await close();
    }
  });

  it('takes nothing but an empty object for the word that a file is gone', async () => {
    const subject = await start({})();
    try {
      const { id } = await send(subject.provider);
      for (const body of [{ id, deleted: 'yes' }, '', []]) {
        await answerNext(subject, 'delete', { body });
        await expectFailure(subject.provider.remove(id, {}), UNAVAILABLE, JSON.stringify(body));
      }
      expect(await storedFiles(subject)).toHaveLength(1);
    } finally {
      await subject.close();
    }
  });
});
