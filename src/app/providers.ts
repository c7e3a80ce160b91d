import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Emulator, EmulatorOptions } from '../../emulators/emulator.ts';
import { startGlmEmulator } from '../../emulators/glm.ts';
import { startKimiEmulator } from '../../emulators/kimi.ts';
import { type Provider, type ProviderId, providerIds } from '../core/provider.ts';
import type { Config } from '../platform/config.ts';
import { type AdapterOptions, accountName } from '../providers/adapter.ts';
import { adapters } from '../providers/registry.ts';
import type { WatchCall } from '../providers/watched-call.ts';

export interface Providers {
  readonly all: ReadonlyMap<ProviderId, Provider>;
  /** True when no provider has a key, so that emulators stand in. */
  readonly emulated: boolean;
  close(): Promise<void>;
}

/** Whether emulators are to stand in. */
export const hasNoKey = (config: Config): boolean =>
  providerIds.every((id) => settings(config, id).apiKey === undefined);

interface ProviderWatch {
  /** Who is told of each call to a provider. */
  readonly watchCalls?: ((id: ProviderId) => WatchCall) | undefined;
}

/** The providers with a key; with no key at all, Kimi and GLM played by emulators that keep their files in the data directory. */
export const openProviders = async (
  config: Config,
  { dataDirectory, watchCalls }: { readonly dataDirectory: string } & ProviderWatch,
): Promise<Providers> => {
  const configured = providerIds.flatMap((id) => {
    const { apiKey, baseUrl } = settings(config, id);
    if (apiKey === undefined) return [];
    return [
      createProvider(config, id, {
        apiKey,
        baseUrl,
        account: accountName(baseUrl, apiKey),
        emulated: false,
        watchCalls,
      }),
    ];
  });
  if (configured.length > 0) return { all: byId(configured), emulated: false, close: async () => undefined };

  const emulators = await Promise.all(
    emulatedIds.map((id) => emulate(config, id, { directory: join(dataDirectory, 'emulators'), watchCalls })),
  );
  return {
    all: byId(emulators.map(({ provider }) => provider)),
    emulated: true,
    close: async () => void (await Promise.all(emulators.map(({ emulator }) => emulator.close()))),
  };
};

/** Those that stand in when no provider has a key. */
const emulatedIds = ['kimi', 'glm'] as const;

const emulatorStarters: Readonly<
  Record<(typeof emulatedIds)[number], (options: EmulatorOptions) => Promise<Emulator>>
> = {
  kimi: startKimiEmulator,
  // The sources disagree on what GLM takes; the stand-in takes every purpose and type that the adapter offers.
  glm: (options) => startGlmEmulator({ ...options, variants: { site: 'mainland', types: 'any' } }),
};

const emulate = async (
  config: Config,
  id: (typeof emulatedIds)[number],
  { directory, watchCalls }: { readonly directory: string } & ProviderWatch,
) => {
  // Known to this process only: nobody else on the machine can use the emulator as a provider.
  const apiKey = `emulated.${randomBytes(18).toString('hex')}`;
  const emulator = await emulatorStarters[id]({ directory, apiKey, limits: settings(config, id).limits });
  const provider = createProvider(config, id, {
    apiKey,
    baseUrl: emulator.url,
    account: 'emulated',
    emulated: true,
    watchCalls,
  });
  return { emulator, provider };
};

const byId = (providers: readonly Provider[]): ReadonlyMap<ProviderId, Provider> =>
  new Map(providers.map((provider) => [provider.id, provider]));

type Access = Pick<AdapterOptions, 'apiKey' | 'baseUrl' | 'account' | 'emulated'>;

const createProvider = (
  config: Config,
  id: ProviderId,
  { watchCalls, ...access }: Access & ProviderWatch,
): Provider =>
  adapters[id]({
    ...access,
    watch: watchCalls?.(id),
    limits: settings(config, id).limits,
    timeouts: {
      connectMs: config.TIMEOUT_CONNECT_MS,
      idleMs: config.TIMEOUT_IDLE_MS,
      totalMs: config.TIMEOUT_TOTAL_MS,
    },
  });

const settings = (config: Config, id: ProviderId) => {
  const name = id.toUpperCase() as Uppercase<ProviderId>;
  return {
    apiKey: config[`${name}_API_KEY`],
    baseUrl: config[`${name}_BASE_URL`],
    limits: {
      maxFileBytes: config[`${name}_MAX_FILE_BYTES`],
      maxFiles: config[`${name}_MAX_FILES`],
      maxTotalBytes: config[`${name}_MAX_TOTAL_BYTES`],
    },
  };
};
