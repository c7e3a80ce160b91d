import { describe, expect, it } from 'vitest';
import { startGlmEmulator } from '../../emulators/glm.ts';
import { createGlm } from '../../src/providers/glm.ts';
import { expectFailure, MISADDRESSED, NOT_FOUND } from './outcome.ts';
import { providerStarter, seedFiles, send } from './provider-subject.ts';
import { describeProvider, providerChecks } from './provider-suite.ts';

describeProvider('the GLM adapter', {
  start: providerStarter(createGlm, startGlmEmulator, {}),
  skip: [
    {
      id: 'PRV-08-purposes',
      reason: 'the sites of GLM document different purposes and types, and the capabilities are their sum',
    },
  ],
});

describe('the GLM adapter on every site', () => {
  it('takes the claimed purposes on the mainland, where the documented list of types is not enforced', async () => {
    const start = providerStarter(createGlm, startGlmEmulator, {
      variants: { site: 'mainland', types: 'any' } as const,
    });
    const check = providerChecks.find(({ id }) => id === 'PRV-08-purposes');
    const subject = await start(check?.options);
    try {
      expect(check).toBeDefined();
      await check?.run(subject);
    } finally {
      await subject.close();
    }
  });

  it.each([
    { retrieve: 'present' },
    { nameField: 'fileName' },
    { status: 'null' },
    { status: 'processed' },
    { envelope: 'data' },
    { errorShape: 'flat', codeType: 'number' },
    { listPurpose: 'required' },
    { chunkedBody: 'refuse' },
  ] as const)('reads files and errors as it says them: %o', async (variants) => {
    const subject = await providerStarter(createGlm, startGlmEmulator, { variants })();
    const { provider, emulator } = subject;
    try {
      const sent = await send(provider);
      expect(sent).toMatchObject({ filename: 'notes.txt', state: 'ready', sizeBytes: 1_000 });
      expect(await provider.retrieve(sent.id, {})).toEqual(sent);
      await expectFailure(provider.retrieve('no-such-file', {}), NOT_FOUND);
      for (const [code, expected] of Object.entries(BUSINESS_CODES)) {
        await emulator.fault('status', { status: 429, code });
        await expectFailure(send(provider), expected, code);
      }
    } finally {
      await subject.close();
    }
  });

  it('does not take the absence of the undocumented calls for the absence of files', async () => {
    const subject = await providerStarter(createGlm, startGlmEmulator, {
      variants: { management: 'absent' } as const,
    })();
    const { provider } = subject;
    try {
      const [id = ''] = await seedFiles(subject, 1);
      await expectFailure(provider.remove(id, {}), MISADDRESSED);
      await expectFailure(provider.retrieve(id, {}), MISADDRESSED);
    } finally {
      await subject.close();
    }
  });
});

/** All of these arrive under 429; only the code tells whether to try again. */
const BUSINESS_CODES = {
  1002: { code: 'provider_unauthorized', retry: 'never' },
  1113: { code: 'provider_quota_exceeded', retry: 'never' },
  1234: { code: 'provider_unavailable', retry: 'later' },
  1301: { code: 'provider_rejected', retry: 'never' },
  1302: { code: 'provider_unavailable', retry: 'later' },
  1303: { code: 'provider_unavailable', retry: 'later' },
  1304: { code: 'provider_quota_exceeded', retry: 'never' },
  1305: { code: 'provider_unavailable', retry: 'later' },
  1308: { code: 'provider_quota_exceeded', retry: 'never' },
  1309: { code: 'provider_quota_exceeded', retry: 'never' },
} as const;
