/** Proves that the provider suite catches what it is there for: adapters with planted faults fail exactly the checks named. */
import { describe, expect, it } from 'vitest';
import { startKimiEmulator } from '../../emulators/kimi.ts';
import { API_KEY } from '../../emulators/testing/emulator-client.ts';
import { GatewayError, type GatewayErrorOptions } from '../../src/core/errors.ts';
import type { Provider, ProviderUpload, RemoteFile } from '../../src/core/provider.ts';
import { createKimi } from '../../src/providers/kimi.ts';
import { failingIds } from './check.ts';
import { providerStarter } from './provider-subject.ts';
import { providerChecks } from './provider-suite.ts';

interface PlantedFault {
  readonly fault: string;
  readonly plant: (provider: Provider) => Provider;
  readonly caughtBy: readonly string[];
}

const changedUpload =
  (change: (request: ProviderUpload) => ProviderUpload) =>
  (provider: Provider): Provider => ({
    ...provider,
    upload: (request) => provider.upload(change(request)),
  });

const changedFile =
  (change: (file: RemoteFile) => RemoteFile) =>
  (provider: Provider): Provider => ({
    ...provider,
    upload: async (request) => change(await provider.upload(request)),
  });

const changedFailure =
  (change: (error: GatewayError) => { message?: string } & GatewayErrorOptions) =>
  (provider: Provider): Provider => ({
    ...provider,
    upload: (request) =>
      provider.upload(request).catch((error: unknown) => {
        if (!(error instanceof GatewayError)) throw error;
        const kept = { retry: error.retry, retryAfterMs: error.retryAfterMs ?? undefined };
        const { message = error.message, ...changed } = change(error);
        throw new GatewayError(error.code, message, { ...kept, ...changed });
      }),
  });

/** The checks of failures that are final. */
const FINAL: readonly string[] = [
  ...['400', '401', '403', '404', '413', '415'].map((status) => `PRV-06-status-${status}`),
  ...['early-status', 'cut-refusal', 'redirect'].map((aspect) => `PRV-06-${aspect}`),
  ...['empty', 'full', 'limit', 'unknown-purpose'].map((aspect) => `PRV-08-${aspect}`),
  'PRV-05-address',
  'PRV-07-quotation',
];

const CARELESS: readonly PlantedFault[] = [
  {
    fault: 'removing fails where there is nothing to remove',
    plant: (provider) => ({
      ...provider,
      remove: async (id, options) => {
        await provider.retrieve(id, options);
        await provider.remove(id, options);
      },
    }),
    caughtBy: ['PRV-05-remove', 'PRV-05-lost-answer', 'PRV-05-address'],
  },
  {
    fault: 'the key is in the message',
    plant: changedFailure(({ message }) => ({ message: `${message} Key: ${API_KEY}` })),
    caughtBy: ['PRV-07-secret'],
  },
  {
    fault: 'the wait asked for is forgotten',
    plant: changedFailure(() => ({ retryAfterMs: undefined })),
    caughtBy: ['PRV-06-retry-after'],
  },
  {
    fault: 'progress is told before anything went out',
    plant: changedUpload((request) => {
      request.onProgress?.(request.sizeBytes);
      return request;
    }),
    caughtBy: ['PRV-03-progress'],
  },
  {
    fault: 'only the first page of a list is read',
    plant: (provider) => ({
      ...provider,
      list: async function* (options) {
        let left = 100;
        for await (const file of provider.list(options)) {
          if (left === 0) return;
          left -= 1;
          yield file;
        }
      },
    }),
    caughtBy: ['PRV-09-whole', 'PRV-09-repeated-page'],
  },
  {
    fault: 'an expiry is made up',
    plant: changedFile((file) => ({ ...file, expiresAt: new Date(0) })),
    caughtBy: ['PRV-08-lifetime', 'PRV-08-retrieve'],
  },
  {
    fault: 'names are made ASCII',
    plant: changedUpload((request) => ({
      ...request,
      filename: request.filename.replace(/\P{ASCII}/gu, '?'),
    })),
    caughtBy: ['PRV-01-unicode-name'],
  },
  {
    fault: 'a limit is claimed that is not there',
    plant: (provider) => ({
      ...provider,
      capabilities: { ...provider.capabilities, maxFileBytes: 2 * provider.capabilities.maxFileBytes },
    }),
    caughtBy: ['PRV-08-limit'],
  },
  {
    fault: 'content is offered that is not claimed',
    plant: (provider) => ({ ...provider, capabilities: { ...provider.capabilities, content: 'none' } }),
    caughtBy: ['PRV-08-content'],
  },
];

const STUBBORN: readonly PlantedFault[] = [
  {
    fault: 'pieces go out in the wrong order',
    plant: changedUpload((request) => ({ ...request, open: () => swapped(request.open()) })),
    caughtBy: ['PRV-01-bytes', 'PRV-02-again', 'PRV-06-patience', 'PRV-08-concurrency'],
  },
  {
    fault: 'the source is opened twice',
    plant: changedUpload((request) => ({
      ...request,
      open: () => {
        void request.open()[Symbol.asyncIterator]().return?.();
        return request.open();
      },
    })),
    caughtBy: ['PRV-02-once', 'PRV-02-again'],
  },
  {
    fault: 'an abort is not heard',
    plant: changedUpload((request) => ({ ...request, signal: undefined })),
    caughtBy: ['PRV-04-before', 'PRV-04-during', 'PRV-04-waiting', 'PRV-04-waiting-source'],
  },
  {
    fault: 'every failure is to be tried again',
    plant: changedFailure(() => ({ retry: 'later' })),
    caughtBy: [...FINAL, 'PRV-06-status-408', 'PRV-06-status-409'],
  },
  {
    fault: 'a removal always succeeds',
    plant: (provider) => ({
      ...provider,
      remove: (id, options) => provider.remove(id, options).catch(() => undefined),
    }),
    caughtBy: ['PRV-05-denied', 'PRV-05-lost-answer', 'PRV-05-address', 'PRV-06-every-call'],
  },
];

describe.each([
  ['careless', CARELESS],
  ['stubborn', STUBBORN],
])('a %s adapter', (_, faults) => {
  it('fails the checks that are there to catch it, and no others', async () => {
    const create: typeof createKimi = (options) =>
      faults.reduce((provider, { plant }) => plant(provider), createKimi(options));
    const caught = new Set(faults.flatMap(({ caughtBy }) => caughtBy));
    const failing = await failingIds(providerChecks, providerStarter(create, startKimiEmulator, {}));
    expect(failing.toSorted()).toEqual([...caught].toSorted());
  });
});

/** The second piece before the first, where there are three or more. */
async function* swapped(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const held: Buffer[] = [];
  for await (const piece of pieces) {
    if (held.length < 3) held.push(piece);
    else yield piece;
    const [first, second, third] = held;
    if (first === undefined || second === undefined || third === undefined) continue;
    if (piece === third) yield* [second, first, third];
  }
  if (held.length < 3) yield* held;
}
