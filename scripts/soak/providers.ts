import { startGlmEmulator } from '../../emulators/glm.ts';
import { startKimiEmulator } from '../../emulators/kimi.ts';
import { startOpenAiEmulator } from '../../emulators/openai.ts';
import { API_KEY, type EmulatorClient, startClient } from '../../emulators/testing/emulator-client.ts';

type ProviderName = 'kimi' | 'glm' | 'openai';

/** An account at an emulated provider, which somebody else uses too. */
export interface Account {
  readonly name: ProviderName;
  readonly client: EmulatorClient;
  /** Ids of the files that are not Waybill's. */
  readonly foreign: readonly string[];
}

export interface Providers {
  readonly accounts: readonly [Account, ...Account[]];
  /** Makes a gateway use them as if they were the real ones. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Old ones, and some under names that look like ours. */
const FOREIGN = ['theirs.txt', 'notes.wb-0123456789ab.txt', 'NOTES.WB-0123456789AB.TXT', 'soak-1-1.txt'];
const LONG_AGO_S = 1_600_000_000;
/** So that no account is full: what makes room there is not what is looked at here. */
const ROOMY = { maxFiles: 1_000_000, maxTotalBytes: 1e12 };

const openAccount = async (name: ProviderName, client: EmulatorClient, purpose: string): Promise<Account> => {
  const foreign: string[] = [];
  for (const filename of FOREIGN) {
    const text = `Not ours: ${filename}.`;
    const reply = await client.control('POST', '/files', { filename, text, purpose, createdAt: LONG_AGO_S });
    foreign.push(reply.json<{ id: string }>().id);
  }
  return { name, client, foreign };
};

/** Starts Kimi, GLM and OpenAI in this process. The caller closes them. */
export const startProviders = async (): Promise<Providers> => {
  const options = { limits: ROOMY };
  const kimi = await startClient(startKimiEmulator, options);
  const glm = await startClient(startGlmEmulator, { ...options, variants: { types: 'any' as const } });
  const openai = await startClient(startOpenAiEmulator, options);
  return {
    accounts: [
      await openAccount('kimi', kimi, 'file-extract'),
      await openAccount('glm', glm, 'agent'),
      await openAccount('openai', openai, 'user_data'),
    ],
    env: {
      KIMI_API_KEY: API_KEY,
      KIMI_BASE_URL: kimi.emulator.url,
      KIMI_MAX_FILES: `${ROOMY.maxFiles}`,
      GLM_API_KEY: API_KEY,
      GLM_BASE_URL: glm.emulator.url,
      GLM_MAX_FILES: `${ROOMY.maxFiles}`,
      OPENAI_API_KEY: API_KEY,
      OPENAI_BASE_URL: openai.emulator.url,
      // Faults come and go within seconds here, and so do retries.
      RETRY_ATTEMPTS: '100',
      RETRY_BASE_MS: '100',
      RETRY_MAX_MS: '1000',
    },
    close: async () => void (await Promise.all([kimi, glm, openai].map((client) => client.close()))),
  };
};
