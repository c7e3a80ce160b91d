import { afterAll } from 'vitest';
import type { EmulatorLimits } from '../../emulators/emulator.ts';
import { type GlmVariants, startGlmEmulator } from '../../emulators/glm.ts';
import { startKimiEmulator } from '../../emulators/kimi.ts';
import { API_KEY, type EmulatorClient, startClient } from '../../emulators/testing/emulator-client.ts';

export interface Providers {
  readonly kimi: EmulatorClient;
  readonly glm: EmulatorClient;
  /** Makes a gateway use them as if they were the real ones. */
  readonly env: Readonly<Record<string, string>>;
}

const running: EmulatorClient[] = [];

// Registered when a test file imports this.
afterAll(async () => {
  await Promise.all(running.splice(0).map((client) => client.close()));
});

/** Starts Kimi and GLM in the test's own process, where they can be watched and given faults. They end with the test file. */
export const startProviders = async (limits: Partial<EmulatorLimits> = {}): Promise<Providers> => {
  const kimi = await startClient(startKimiEmulator, { limits });
  const variants: Partial<GlmVariants> = { types: 'any' };
  const glm = await startClient(startGlmEmulator, { limits, variants });
  running.push(kimi, glm);
  return {
    kimi,
    glm,
    env: {
      KIMI_API_KEY: API_KEY,
      KIMI_BASE_URL: kimi.emulator.url,
      GLM_API_KEY: API_KEY,
      GLM_BASE_URL: glm.emulator.url,
      // Retries come at once, so that a test need not wait for them.
      RETRY_BASE_MS: '20',
      RETRY_MAX_MS: '50',
    },
  };
};
