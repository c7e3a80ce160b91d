import type { Provider, ProviderId } from '../core/provider.ts';
import type { AdapterOptions } from './adapter.ts';
import { createAnthropic } from './anthropic.ts';
import { createGemini } from './gemini.ts';
import { createGlm } from './glm.ts';
import { createKimi } from './kimi.ts';
import { createMistral } from './mistral.ts';
import { createOpenAi } from './openai.ts';

/** Every adapter there is. Adding a provider is its file, its fixtures, and its line here and in `core/provider.ts`. */
export const adapters: Readonly<Record<ProviderId, (options: AdapterOptions) => Provider>> = {
  kimi: createKimi,
  glm: createGlm,
  openai: createOpenAi,
  gemini: createGemini,
  anthropic: createAnthropic,
  mistral: createMistral,
};
